import type { ServableHandler } from '../ingress/ingress';
import type { Ingress } from '../ingress/ingress';
import type { Naming } from '../metrics/names';
import type { Client, ClientOptions } from './client';
import type { ServedEndpoint, ServeOptions } from './served-endpoint';
import type { Endpoint } from './target';

/** What can be given to `serve`: a handler, or an ingress around one. */
export type Servable<T> = ServableHandler<T> | Ingress<T>;

/** What namespaces, components and endpoints need of the runtime that they belong to. */
export interface RuntimeHost {
  readonly naming: Naming;
  serve<T>(endpoint: Endpoint, servable: Servable<T>, options: ServeOptions): Promise<ServedEndpoint>;
  client<T, U>(endpoint: Endpoint, options: ClientOptions): Promise<Client<T, U>>;
}
