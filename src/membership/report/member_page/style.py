"""How a member's page looks, on screen and on paper; `.member.member` outweighs what JupyterLab says of tables."""

STYLE = """
.member { font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #24292e; max-width: 1060px;
          background: #fff; padding: 8px; }
.member h1 { font-size: 24px; font-weight: 600; margin: 0; }
.member h2 { font-size: 15px; font-weight: 600; margin: 0 0 8px; color: #24506f; }
.member p { margin: 4px 0; } .member .quiet, .member .small { color: #6a737b; font-size: 12px; }
.member svg text { font-size: 12px; fill: #24292e; } .member svg text.small { font-size: 11px; fill: #6a737b; }
.member svg text.strong { font-weight: 600; font-size: 14px; }
.member .top { border-bottom: 2px solid #2f6f9f; padding-bottom: 10px; margin-bottom: 12px; }
.member .tag { display: inline-block; border-radius: 10px; padding: 1px 10px; margin: 4px 6px 0 0;
               background: #e6eef4; }
.member .next { margin-top: 8px; padding: 6px 10px; background: #fdf3e4; border-left: 4px solid #d9822b; }
.member .facts { display: grid; grid-template-columns: repeat(6, 1fr); gap: 10px; margin-bottom: 12px; }
.member .fact { background: #f5f8fa; border-radius: 6px; padding: 8px 10px; }
.member .fact b { display: block; font-size: 17px; }
.member .cards { column-count: 2; column-gap: 12px; }
.member .card { border: 1px solid #dde3e8; border-radius: 6px; padding: 12px 14px; break-inside: avoid;
                margin: 0 0 12px; }
.member.member table { border-collapse: collapse; width: 100%; font-size: 13px; table-layout: auto; margin: 0; }
.member.member tbody tr, .member.member tbody tr:nth-child(odd), .member.member tbody tr:hover { background: none; }
.member.member th, .member.member td { padding: 3px 8px 3px 0; vertical-align: top; text-align: left; max-width: none;
                                       white-space: normal; border-bottom: 1px solid #eef1f3; }
.member.member th { font-weight: 600; color: #6a737b; font-size: 12px; }
.member.member td.number, .member.member th.number { text-align: right; white-space: nowrap; }
.member.member .day { white-space: nowrap; }
.member .missing { color: #6a737b; font-style: italic; }
.member .legend { font-size: 12px; color: #6a737b; } .member .key { margin-right: 12px; }
.member .key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 4px; }
.member .dots { letter-spacing: 2px; color: #2f6f9f; }
@media print { .member .card, .member .fact { break-inside: avoid; } .member { max-width: none; } }
@media (max-width: 760px) { .member .cards { column-count: 1; }
                           .member .facts { grid-template-columns: repeat(3, 1fr); } }
"""
