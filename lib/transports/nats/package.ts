import type * as natsPackage from '@nats-io/transport-node';
import { ProfiledError } from '../../errors';

/** The client library of NATS. Users who do not choose NATS need not have it, so it is no import. */
export type NatsPackage = typeof natsPackage;

/** Loads it. @throws PROFILED_CONFIG_INVALID with the command that installs it */
export function loadNats(): NatsPackage {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it for everyone
    return require('@nats-io/transport-node') as NatsPackage;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'MODULE_NOT_FOUND' || !message.includes("'@nats-io/transport-node'")) throw cause;
    throw new ProfiledError(
      'PROFILED_CONFIG_INVALID',
      'the NATS request plane needs a package that is not installed: `npm install @nats-io/transport-node@3.4.0`. ' +
        'DYN_REQUEST_PLANE=tcp does without.',
      { cause },
    );
  }
}
