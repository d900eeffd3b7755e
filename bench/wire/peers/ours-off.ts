import { dirname, join } from 'node:path';
import type { Peer } from '../peer';
import { callWorker, serveWorker } from './ours';

type Members = Record<string, unknown>;

/**
 * The same worker with its recording taken out, in this process only: there is no switch for it in the package. What remains is
 * what has to be done in any case.
 */
async function turnOff(): Promise<void> {
  const lib = dirname(require.resolve('profiled'));
  const nothing = () => {};
  const { Recorder } = (await import(join(lib, 'profile/recorder.js'))) as { Recorder: { prototype: Members } };
  const { PlaneProfile } = (await import(join(lib, 'ingress/plane-profile.js'))) as {
    PlaneProfile: { prototype: Members };
  };
  const silent = Object.fromEntries(
    ['received', 'requestBytes', 'item', 'responseBytes', 'fail', 'cancel', 'settle'].map((name) => [name, nothing]),
  );
  Recorder.prototype.open = () => silent;
  for (const name of ['sentAt', 'begin', 'answered', 'end']) PlaneProfile.prototype[name] = nothing;
}

export const peer: Peer = {
  title: 'Profiled, not recording',
  async serve() {
    await turnOff();
    return serveWorker('bench.wire.off');
  },
  connect: callWorker,
};
