import client from 'prom-client';
import { promWrapper } from '../prom-style';

export const usual = promWrapper(client, 'usual');
export const children = promWrapper(client, 'children');
export const noLabels = promWrapper(client, 'no labels');
export const gaps = promWrapper(client, 'usual', true);
