import { type ServiceError, status } from '@grpc/grpc-js';
import { messageOf, ProfiledError } from '../../errors';
import type { ResolvedEtcdOptions } from './options';

/** Whether another member, or the same one later, might answer. */
export function isOutage(error: unknown): boolean {
  return [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.INTERNAL, status.CANCELLED].includes(codeOf(error)!);
}

/** Whether the login is not known any more: tokens live for minutes, and in the memory of one member. */
export function isLoginOver(error: unknown): boolean {
  return codeOf(error) === status.UNAUTHENTICATED;
}

export function isLeaseUnknown(error: unknown): boolean {
  return codeOf(error) === status.NOT_FOUND;
}

/** Whether there is a lease of that id already, or authentication is off. Which of the two follows from what was called. */
export function isPreconditionFailed(error: unknown): boolean {
  return codeOf(error) === status.FAILED_PRECONDITION;
}

/** Whether etcd could answer but there is, or is not, what the call needs. */
export function isAboutState(error: unknown): boolean {
  return isLeaseUnknown(error) || isPreconditionFailed(error);
}

/** What went wrong in words that tell where it comes from and what can be done. */
export function explain(error: unknown, { members, login, tls }: ResolvedEtcdOptions): ProfiledError {
  if (ProfiledError.is(error)) return error;
  const where = `etcd at ${members.map(({ url }) => url).join(', ')}`;
  const said = ((error as Partial<ServiceError>).details ?? messageOf(error)).replace(/\s+/g, ' ').trim();
  if (!isRefusal(error)) {
    const ways = `is it running, is \`ETCD_ENDPOINTS\` right${tls ? ', does `ETCD_AUTH_CA` know its certificate, does it want `ETCD_AUTH_CLIENT_CERT`' : ''}?`;
    return new ProfiledError('PROFILED_UNAVAILABLE', `${where} does not answer: ${said}; ${ways}`, { cause: error });
  }
  const way = login
    ? '`ETCD_AUTH_USERNAME` and `ETCD_AUTH_PASSWORD` must be those of a user who may read and write keys below v1/instances/'
    : 'where etcd has authentication on, set `ETCD_AUTH_USERNAME` and `ETCD_AUTH_PASSWORD`';
  return new ProfiledError('PROFILED_CONFIG_INVALID', `${where} refuses: ${said}; ${way}`, { cause: error });
}

/** The error for a stream that etcd ended in good order, which it does when it shuts down. */
export function streamEnded(): Error {
  return Object.assign(new Error('the stream was ended'), { code: status.UNAVAILABLE });
}

/** Whether etcd does not let this process in, or not to those keys. */
function isRefusal(error: unknown): boolean {
  return [status.INVALID_ARGUMENT, status.PERMISSION_DENIED, status.UNAUTHENTICATED].includes(codeOf(error)!);
}

function codeOf(error: unknown): status | undefined {
  return (error as Partial<ServiceError> | undefined)?.code;
}
