/**
 * `node --require profiled/register app.js` or `--import profiled/register`: starts the system server from the environment
 * although nothing in the program asks for it, and loads reflect-metadata before the first decorated class.
 */
import 'reflect-metadata';
import { autoStart } from './server/auto-start';

autoStart();
