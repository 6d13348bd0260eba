// Puts the page up.
import { render } from 'preact';
import { App } from './shell/app.js';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';

const place = document.getElementById('page');
if (place !== null) render(<App />, place);
