import { ProfiledError } from '../../errors';
import type { ServeTarget } from '../transport';

/** Where a target stands, as workers of Dynamo spell it (protocol, section 3). */
export interface NatsAddress {
  /** The name of the component's service. */
  readonly service: string;
  /** Where its requests are published; what discovery shows. */
  readonly subject: string;
  /** The name of the endpoint in the statistics of the service. */
  readonly name: string;
}

/** A server takes 4096 bytes for subject, reply subject and lengths together. */
const MAX_SUBJECT_BYTES = 1024;

/** @throws PROFILED_TARGET_INVALID if NATS has no subject for it */
export function addressOf({ namespace, component, endpoint, instanceId }: ServeTarget): NatsAddress {
  const service = slugOf(`${namespace}_${component}`);
  const token = `${endpoint}-${instanceId.toString(16)}`;
  const subject = `${service}.${token}`;
  if (service === '') {
    throw invalid(`${JSON.stringify(`${namespace}_${component}`)} leaves nothing for the name of a NATS service`);
  }
  if (!/^[\w-]+$/.test(token)) {
    throw invalid(`over NATS an endpoint's name has letters, digits, \`_\` and \`-\`, got ${JSON.stringify(endpoint)}`);
  }
  if (subject.length > MAX_SUBJECT_BYTES) {
    throw invalid(`a NATS subject can have ${MAX_SUBJECT_BYTES} bytes here, this one has ${subject.length}`);
  }
  return { service, subject, name: `${service}-${token}` };
}

/** Lower case, `_` for every character that is not one of `a-z 0-9 - _`, and none of these at the beginning. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9_-]/gu, '_')
    .replace(/^_+/, '');
}

function invalid(text: string): ProfiledError {
  return new ProfiledError('PROFILED_TARGET_INVALID', text);
}
