"""How the register looks, and the policy that lets nothing else in: no script, nothing from outside."""

from __future__ import annotations

import base64
import hashlib

CSS = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --soft: #4a5563; --line: #c9d0d8;
  --tint: #f1f4f7; --link: #0b4f9e; --mark: #0b6e4f; --late: #a33a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e8ecf1; --soft: #b3bdc9;
  --line: #3a4552; --tint: #1d242c; --link: #8ec2ff; --mark: #5fd3a8; --late: #ffb083; } }
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 100%/1.55 system-ui, sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 46rem; padding: 0 1rem 2rem; overflow-wrap: break-word; }
h1, h2, h3, dd, .values { overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link);
  outline-offset: 3px; border-radius: 2px; }
.skip { position: absolute; left: 1rem; top: -6rem; padding: .6rem 1rem; background: var(--paper); }
.skip:focus { top: .5rem; z-index: 1; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1rem;
  padding: .75rem 0; border-bottom: 1px solid var(--line); }
header a, footer a { display: inline-block; padding: .35rem 0; }
main:focus { outline: none; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .75rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2rem 0 .5rem; }
h3 { font-size: 1.05rem; line-height: 1.35; margin: 0 0 .25rem; }
p { margin: .5rem 0; }
.lead, footer, caption, dt { color: var(--soft); }
.state { display: inline-block; padding: 0 .5rem; border: 1px solid var(--mark); border-radius: 1rem;
  color: var(--mark); font-size: .95rem; }
.state.late { border-color: var(--late); color: var(--late); }
.cards { list-style: none; padding: 0; margin: 0; }
.cards > li { border: 1px solid var(--line); border-radius: .5rem; padding: .9rem 1rem; margin: .75rem 0; }
dl { display: grid; grid-template-columns: minmax(7rem, 11rem) 1fr; gap: .3rem 1rem; margin: .75rem 0; }
dd { margin: 0; }
table { width: 100%; border-collapse: collapse; margin: .75rem 0; }
caption { text-align: left; padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
.wide th[scope="row"] { min-width: 10rem; overflow-wrap: anywhere; }
.cards dl { margin-bottom: 0; }
details { margin: .25rem 0; }
summary { cursor: pointer; color: var(--link); padding: .25rem 0; }
.values { margin: 0; padding-left: 1.2rem; columns: 8rem; }
figure { margin: .75rem 0; }
svg { display: block; width: 100%; max-width: 30rem; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .soft { fill: var(--soft); }
svg .head { font-weight: 600; font-size: 13px; }
svg .lane { stroke: var(--line); stroke-width: 2; }
svg .time { stroke: var(--mark); stroke-width: 4; }
svg .dot { fill: var(--mark); stroke: var(--paper); stroke-width: 2; }
svg .late { fill: var(--late); }
svg .whole { fill: var(--tint); stroke: var(--line); }
svg .kept { fill: var(--mark); }
footer { margin-top: 2.5rem; padding-top: .75rem; border-top: 1px solid var(--line); font-size: .9rem; }
@media (max-width: 34rem) {
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
  table.wide thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table.wide, table.wide tbody, table.wide tr, table.wide th, table.wide td, table.wide caption {
    display: block; width: 100%; }
  table.wide tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  table.wide th, table.wide td { border: 0; padding: .1rem 0; }
  table.wide td::before { content: attr(data-label); display: block; color: var(--soft); font-size: .9rem; }
}
"""

POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    + "'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""The content security policy of every page: this style sheet, the empty icon, nothing else."""
