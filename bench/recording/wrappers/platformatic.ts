import client from '@platformatic/prom-client';
import { type PromApi, promWrapper } from '../prom-style';

export const usual = promWrapper(client as unknown as PromApi, 'usual');
