/**
 * CSS of cards, for pages that define the colours `--line`, `--quiet`, `--panel`, `--accent`, `--good`, `--bad`,
 * `--uncertain` and `--mark`. Text colours need a contrast of at least 4.5 : 1 against the background.
 */
export const cardStyles = `
.cards h4, .cards h5 { margin: 0; } .cards h5 { font-weight: 600; font-size: .8rem; color: var(--quiet); }
.cards dt { color: var(--quiet); } .cards dd { margin: 0; overflow-wrap: anywhere; }
.cards .interval { color: var(--quiet); font-size: .86em; font-weight: 400; white-space: nowrap; }
.cards .good { color: var(--good); } .cards .bad { color: var(--bad); } .cards .verdict.uncertain { color: var(--uncertain); }
.cards .verdict { font-weight: 650; overflow-wrap: anywhere; }
.cards figure { margin: .6rem 0; } .cards figcaption { color: var(--quiet); max-width: 46rem; }
.cards details { margin: .6rem 0; } .cards summary { cursor: pointer; color: var(--accent); padding: .2rem 0; }
.cards pre { background: var(--panel); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.cards .example { border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.1rem; margin: 1rem 0; break-inside: avoid; }
.cards .example > header { display: flex; justify-content: space-between; gap: 1rem; padding: 0; margin-bottom: .6rem; } .cards .example .name { margin: 0; font-size: 1rem; font-weight: 400; color: var(--quiet); overflow-wrap: anywhere; }
.cards .example-body { display: flex; gap: 1.2rem; align-items: flex-start; } .cards .example-text { flex: 1; min-width: 0; } .cards .picture { width: 13rem; max-width: 40%; height: auto; border-radius: 4px; background: #fff; border: 1px solid var(--line); } .cards .pixelated { image-rendering: pixelated; } .cards .drawing { margin: .5rem 0; } .cards .drawing figcaption { font-size: .85rem; } .cards .drawing .picture { width: 8rem; }
.cards .example dl { margin: 0; display: grid; gap: .35rem; } .cards .example dl > div { display: grid; grid-template-columns: 8rem 1fr; gap: .6rem; }
.cards .token { background: var(--panel); border-radius: 4px; padding: .05rem .35rem; display: inline-block; overflow-wrap: anywhere; }
.cards .counts { list-style: none; margin: .5rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; color: var(--quiet); font-size: .9rem; }
.cards .thought { margin-top: .8rem; padding-top: .7rem; border-top: 1px dashed var(--line); } .cards .pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem 1.4rem; margin-top: .3rem; } .cards .pair p { margin: .1rem 0; } .cards .changes { margin: .5rem 0 0; padding-left: 1.1rem; font-size: .92em; }
.cards mark { background: var(--mark); color: inherit; border-radius: 2px; } .cards u { text-decoration-thickness: 2px; text-underline-offset: 2px; }
@media (max-width: 40rem) { .cards .example-body { flex-direction: column; } .cards .picture { max-width: 100%; } .cards .example dl > div, .cards .pair { grid-template-columns: 1fr; gap: 0; } .cards .pair { gap: .5rem; } }
`.trim();
