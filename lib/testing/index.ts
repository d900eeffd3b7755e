export { lint, type Problem } from './lint';
export { freshRegistry, resetMetrics, restoreRegistry } from './registry';
export { sample, type SampleLabels } from './sample';
