import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { randomBytes } from 'node:crypto';
import { messageOf } from '../../errors';
import { log } from '../../internal/logger';
import type { TargetStats } from '../transport';
import { QUEUE_GROUP, type ServedSubject } from './served-subject';

/** The version that workers of Dynamo give their services. */
const VERSION = '0.0.1';
const IDLE: TargetStats = { requests: 0, errors: 0, lastError: '', processingNanos: 0, data: undefined };

const VERBS = ['PING', 'INFO', 'STATS'] as const;

/**
 * One component as a NATS service: answers `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, of all services, of those of its name, and of
 * this one alone. The messages are those of the NATS service API (ADR-32 of NATS).
 */
export class ComponentService {
  readonly endpoints = new Set<ServedSubject>();
  readonly #name: string;
  readonly #description: string;
  readonly #id = randomBytes(11).toString('hex');
  readonly #started = new Date().toISOString();
  #cancel: () => void = () => {};

  constructor(name: string, { namespace, component }: { readonly namespace: string; readonly component: string }) {
    this.#name = name;
    this.#description = `Dynamo component ${component} in namespace ${namespace}`;
  }

  subscribe(connection: NatsConnection): void {
    const subscriptions = VERBS.flatMap((verb) =>
      [`$SRV.${verb}`, `$SRV.${verb}.${this.#name}`, `$SRV.${verb}.${this.#name}.${this.#id}`].map((subject) =>
        connection.subscribe(subject, { callback: (error, message) => this.#answer(verb, error, message) }),
      ),
    );
    this.#cancel = () => {
      for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
    };
  }

  close(): void {
    this.#cancel();
  }

  #answer(verb: (typeof VERBS)[number], error: Error | null, message: Msg): void {
    if (error)
      return log.write('warn', { err: error }, `$SRV.${verb} of ${this.#name} is not answered: ${error.message}`);
    try {
      message.respond(JSON.stringify(this.#responseTo(verb)));
    } catch (failure) {
      log.write('warn', { err: failure }, `$SRV.${verb} of ${this.#name} was not answered: ${messageOf(failure)}`);
    }
  }

  #responseTo(verb: (typeof VERBS)[number]): object {
    const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`;
    const head = { type, name: this.#name, id: this.#id, version: VERSION, metadata: {} };
    const endpoints = [...this.endpoints];
    if (verb === 'PING') return head;
    if (verb === 'INFO') return { ...head, description: this.#description, endpoints: endpoints.map(infoOf) };
    return { ...head, started: this.#started, endpoints: endpoints.map(statsOf) };
  }
}

function infoOf({ where: { name, subject } }: ServedSubject) {
  return { name, subject, queue_group: QUEUE_GROUP, metadata: {} };
}

function statsOf({ where: { name, subject }, stats }: ServedSubject) {
  const { requests, errors, lastError, processingNanos, data } = stats?.() ?? IDLE;
  const processing = Math.round(processingNanos);
  return {
    name,
    subject,
    queue_group: QUEUE_GROUP,
    num_requests: requests,
    num_errors: errors,
    processing_time: processing,
    average_processing_time: requests === 0 ? 0 : Math.floor(processing / requests),
    last_error: lastError,
    data: data ?? null,
  };
}
