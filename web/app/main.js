// @ts-check
// Starts the client.
import { h, render } from '../vendor/preact.js';
import { start } from './account.js';
import { startKeeping } from './keep.js';
import { startPlaces } from './places.js';
import { startPreferences } from './preferences.js';
import { App } from './views/app.js';
import { startWords } from './words.js';

const root = document.getElementById('app');
if (!root) throw new Error('the page has no #app');
startPreferences();
startKeeping();
startPlaces();
await startWords();
render(h(App, {}), root);
void start();
