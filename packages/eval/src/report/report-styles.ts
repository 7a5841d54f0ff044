import { cardStyles } from '@subtext/decoder/cards';

/**
 * The page's style. Every text colour has a contrast of at least 4.5 : 1 on its ground, every line at
 * least 3 : 1, in light and in dark; the series colours are told apart by dashes as well.
 */
export const reportStyles = `
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f5f6f8; --text: #1b1f24; --quiet: #57606a; --line: #d5dae0; --accent: #0b57b0;
  --good: #11692e; --bad: #b3261e; --uncertain: #7a5200; --mark: #ffe2a8; --grid: #e3e7ec;
  --s0: #0b57b0; --s1: #b54708; --s2: #11692e; --s3: #8a2bb8; --s4: #b3261e; --s5: #006a7a; --s6: #6b5b00; --s7: #57606a; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --panel: #1d2127; --text: #e6e9ed; --quiet: #a3adb8; --line: #3a424c; --accent: #7db4ff;
  --good: #6fd18c; --bad: #ff9d94; --uncertain: #f0c36a; --mark: #5c4310; --grid: #2b3139;
  --s0: #7db4ff; --s1: #ffa866; --s2: #6fd18c; --s3: #d9a1ff; --s4: #ff9d94; --s5: #5fd3e3; --s6: #e0cf5a; --s7: #a3adb8; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: break-word; }
main, body > header, body > footer { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
body > header { padding-top: 2.2rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .6rem; text-wrap: balance; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 2.6rem 0 .8rem; padding-top: .7rem; border-top: 1px solid var(--line); }
p { margin: .5rem 0 .8rem; max-width: 46rem; }
a { color: var(--accent); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88em; }
pre { background: var(--panel); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
nav ul { list-style: none; margin: 1rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(9.5rem, 100%), 1fr)); gap: .8rem; margin: 1.2rem 0; padding: 0; }
.tiles > div { background: var(--panel); border-radius: 8px; padding: .7rem 1rem; }
.tiles dt { color: var(--quiet); font-size: .88rem; } .tiles dd { margin: 0; } .tiles .value { font-size: 1.55rem; font-weight: 650; line-height: 1.3; } .tiles .interval { white-space: normal; }
.facts { display: grid; gap: .25rem 1.4rem; margin: .6rem 0 1rem; } .facts > div { display: grid; grid-template-columns: minmax(7rem, 14rem) 1fr; gap: .8rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding: 0 0 .5rem; } caption span { display: block; position: sticky; left: 0; width: fit-content; max-width: min(46rem, calc(100vw - 2.2rem)); }
th, td { padding: .42rem .8rem .42rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: .2rem; }
thead th { font-weight: 600; font-size: .9rem; vertical-align: bottom; border-bottom: 2px solid var(--line); }
tbody th { font-weight: 500; min-width: 6.5rem; }
.left { text-align: left; } .right { text-align: right; }
td.right { white-space: nowrap; }
.interval { color: var(--quiet); font-size: .86em; font-weight: 400; white-space: nowrap; }
.cell-note { display: block; color: var(--quiet); font-size: .84em; font-weight: 400; white-space: normal; }
.note { color: var(--quiet); font-size: .92rem; }
.good .mark, .verdict.good, td.good, th.good { color: var(--good); } .bad .mark, .verdict.bad, td.bad, th.bad { color: var(--bad); } td.uncertain, th.uncertain { color: var(--uncertain); }
figure { margin: .6rem 0; } figcaption { color: var(--quiet); max-width: 46rem; }
.chart { display: block; width: 100%; height: auto; font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
.chart text { fill: var(--quiet); } .chart .axis { fill: var(--text); }
.chart .grid { stroke: var(--grid); } .chart .phase { fill: var(--panel); } .chart .phase-line { stroke: var(--line); stroke-dasharray: 2 3; } .chart .phase-label { font-weight: 600; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .line.raw { stroke-width: 1; opacity: .3; } .band { opacity: .16; stroke: none; }
${Array.from({ length: 8 }, (_, index) => `.line.series-${index} { stroke: var(--s${index}); } .band.series-${index}, .dot.series-${index} { fill: var(--s${index}); }`).join('\n')}
.chart.narrow { display: none; }
@media (max-width: 40rem) { .chart.narrow { display: block; } .chart.wide { display: none; } }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; margin: .3rem 0; padding: 0; } .legend-mark { vertical-align: middle; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--accent); padding: .2rem 0; }
.choice { border: 0; margin: .8rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; } .choice legend { float: left; margin-right: 1.2rem; color: var(--quiet); }
.choice input { accent-color: var(--accent); }
.gallery:has(.show-right:checked) .wrong-answer, .gallery:has(.show-wrong:checked) .right-answer { display: none; }
body > footer { color: var(--quiet); padding-top: 2.5rem; padding-bottom: 2.5rem; font-size: .9rem; }
@media (max-width: 40rem) {
  main, body > header, body > footer { padding-left: 1rem; padding-right: 1rem; } h1 { font-size: 1.5rem; }
  .facts > div { grid-template-columns: 1fr; gap: 0; }
}
${cardStyles}
@media print { .choice, nav { display: none; } .scroll { overflow: visible; } }
`.trim();
