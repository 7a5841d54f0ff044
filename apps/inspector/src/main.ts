import { cardStyles } from '@subtext/decoder/cards';
import { mount } from 'svelte';

import App from './app.svelte';
import './style.css';

const cards = document.createElement('style');
cards.textContent = cardStyles;
document.head.append(cards);
mount(App, { target: document.getElementById('page')! });
