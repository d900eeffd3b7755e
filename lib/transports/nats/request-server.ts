import type { NatsConnection } from '@nats-io/transport-node';
import { messageOf, ProfiledError } from '../../errors';
import { log } from '../../internal/logger';
import type { OnRequest, RequestServer, ServedTarget, ServeTarget, TargetStats } from '../transport';
import { addressOf } from './address';
import type { LinkListener, NatsLink } from './link';
import { ServedSubject } from './served-subject';
import { ComponentService } from './service';

/** Serves each target on a subject of its own, and each component as a service. */
export class NatsRequestServer implements RequestServer, LinkListener {
  readonly #link: NatsLink;
  readonly #targets = new Map<string, ServedSubject>();
  readonly #services = new Map<string, ComponentService>();
  #closed: Promise<void> | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
    link.listen(this);
  }

  async serve(target: ServeTarget, onRequest: OnRequest, stats?: () => TargetStats): Promise<ServedTarget> {
    const where = addressOf(target);
    this.#checkOpen(where.subject);
    // Two names that differ may have one subject: it has no capitals, for instance.
    if (this.#targets.has(where.subject)) {
      throw new ProfiledError('PROFILED_TARGET_INVALID', `${where.subject} is already served`);
    }
    const served: ServedSubject = new ServedSubject(where, onRequest, stats, () => this.#remove(served));
    this.#targets.set(where.subject, served);
    try {
      const connection = await this.#link.connection();
      this.#checkOpen(where.subject);
      this.#join(served, target, connection);
      await served.subscribe(connection);
      this.#checkOpen(where.subject);
      return served;
    } catch (error) {
      await served.stop();
      throw error;
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  onLost(): void {
    for (const served of this.#targets.values()) served.lose();
  }

  onRestored(connection: NatsConnection): void {
    for (const service of this.#services.values()) service.subscribe(connection);
    for (const served of this.#targets.values()) {
      served.subscribe(connection).catch((error: unknown) => log.write('error', { err: error }, messageOf(error)));
    }
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#targets.values()].map((served) => served.stop()));
    await this.#link.release();
  }

  #checkOpen(subject: string): void {
    if (this.#closed)
      throw new ProfiledError('PROFILED_SHUTDOWN', `${subject} can not be served: the server is closed`);
  }

  #join(served: ServedSubject, target: ServeTarget, connection: NatsConnection): void {
    const name = served.where.service;
    let service = this.#services.get(name);
    if (!service) {
      service = new ComponentService(name, target);
      this.#services.set(name, service);
      service.subscribe(connection);
    }
    service.endpoints.add(served);
  }

  #remove(served: ServedSubject): void {
    this.#targets.delete(served.where.subject);
    const service = this.#services.get(served.where.service);
    if (!service?.endpoints.delete(served) || service.endpoints.size > 0) return;
    service.close();
    this.#services.delete(served.where.service);
  }
}
