/** Loaded before the modules of a user: their decorators start no server in this thread, whatever the environment says. */
import { preventAutoStart } from '../server/auto-start';

preventAutoStart();
