import { Cluster, type Direction, titleOf } from './cluster';
import { versions } from './peer';

/** Describes the same for every release and direction; one skipped test where there is no release to meet. */
export function describeEach(
  title: string,
  directions: readonly Direction[],
  define: (direction: Direction, version: string) => void,
): void {
  if (versions.length === 0) {
    test.skip(`${title}: no Python environment`, () => {});
    return;
  }
  describe.each(versions)(`ai-dynamo-runtime %s`, (version) => {
    describe.each(directions.map((direction) => [titleOf(direction), direction] as const))('%s', (_, direction) => {
      define(direction, version);
    });
  });
}

/** A cluster for the tests of one description, stopped after the last. */
export function clusterForAll(version: string, direction: Direction): Cluster {
  const cluster = new Cluster(version, direction);
  afterAll(() => cluster.dispose());
  return cluster;
}

/** 0, 1, ... n - 1 */
export const numbers = (n: number) => Array.from({ length: n }, (_, number) => number);
