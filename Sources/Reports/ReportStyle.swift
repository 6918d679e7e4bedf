// The style of a report's page: light, dark and printed. Colours are those of Okabe and Ito 2008, which people with
// every common form of colour blindness can tell apart; marks differ in dash or place as well, never in colour alone.

enum ReportStyle {
  static let sheet: Markup = """
    :root{color-scheme:light dark;--bg:#fff;--panel:#f6f7f9;--ink:#1b1f24;--soft:#57606a;--line:#d4d9df;\
    --good:#0072b2;--wrong:#d55e00;--none:#e69f00;--open:#8a929b;--level:#00795a;--warn:#fff1e0}
    @media (prefers-color-scheme:dark){:root{--bg:#14171b;--panel:#1d2127;--ink:#e6e9ed;--soft:#a3acb7;\
    --line:#3a424c;--good:#56b4e9;--wrong:#f0803c;--none:#f0c14b;--open:#7d8794;--level:#3ecf9e;--warn:#3a2a14}}
    @media print{:root{color-scheme:light;--bg:#fff;--panel:#fff;--ink:#000;--soft:#444;--line:#bbb;--good:#0072b2;\
    --wrong:#d55e00;--none:#e69f00;--open:#8a929b;--level:#00795a;--warn:#fff}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",\
    "DejaVu Sans",sans-serif}
    main{max-width:1020px;margin:0 auto;padding:28px 30px 60px}
    h1{font-size:26px;line-height:1.25;margin:0 0 4px}h2{font-size:19px;margin:38px 0 10px;\
    padding-bottom:5px;border-bottom:1px solid var(--line)}h3{font-size:15px;margin:20px 0 6px}
    p,li{max-width:82ch}p{margin:8px 0}ul{padding-left:22px;margin:8px 0}li{margin:5px 0}
    .sub,.note,figcaption{color:var(--soft)}.note,figcaption{font-size:13px}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(var(--tile),1fr));gap:12px;margin:20px 0}\
    .five{--tile:165px}.four{--tile:205px}.three{--tile:280px}
    .tile{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:11px 14px}
    .tile b{display:block;font-size:23px;line-height:1.3;font-variant-numeric:tabular-nums}
    .tile span{display:block;font-size:13px;color:var(--soft)}
    .claim{background:var(--panel);border:1px solid var(--line);border-left:5px solid var(--good);border-radius:4px;\
    padding:12px 18px;margin:12px 0}.claim p{font-size:16px}
    .warning{background:var(--warn);border:1px solid var(--wrong);border-left-width:5px;border-radius:4px;\
    padding:8px 16px;margin:12px 0}
    table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums}
    th,td{padding:4px 11px;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
    th{font-weight:600}thead th{background:var(--panel);position:sticky;top:0;vertical-align:bottom}
    .n{text-align:right;white-space:nowrap}td small{display:block;color:var(--soft)}
    table.facts th{width:190px;font-weight:500;color:var(--soft)}table.facts td{overflow-wrap:anywhere}
    .scroll{overflow:auto;max-height:640px;border:1px solid var(--line);border-radius:4px}.scroll table{width:100%}
    .wide{overflow-x:auto}.name{overflow-wrap:anywhere;min-width:120px}
    code,pre,.hash{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:12.5px}
    .hash{overflow-wrap:anywhere}pre{background:var(--panel);border:1px solid var(--line);border-radius:4px;\
    padding:10px 14px;white-space:pre-wrap;overflow-wrap:anywhere;margin:8px 0}
    .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(430px,1fr));gap:8px 20px}
    figure{margin:14px 0;overflow-x:auto;break-inside:avoid}
    figure h3{margin:0 0 6px}svg{width:100%;height:auto;display:block}
    svg text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:var(--ink)}
    svg .title,svg .empty{fill:var(--soft)}svg .empty{font-size:14px}
    svg .value{font-weight:600;paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}
    svg .plain{font-weight:400}
    .grid{stroke:var(--line);stroke-width:.7}.axis{stroke:var(--soft);stroke-width:1}
    .curve{fill:none;stroke:var(--good);stroke-width:2.5}
    .other{fill:none;stroke:var(--wrong);stroke-width:1.8;stroke-dasharray:7 4}
    .level{stroke:var(--level);stroke-width:1.8;stroke-dasharray:2 3}
    .marker{fill:var(--good);stroke:var(--bg);stroke-width:1.5}
    .good{fill:var(--good)}.wrong{fill:var(--wrong)}.none{fill:var(--none)}.open{fill:var(--open)}
    .dot{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:7px}
    .dot.good{background:var(--good)}.dot.wrong{background:var(--wrong)}.dot.none{background:none;\
    border:2px solid var(--none)}.dot.open{background:none;border:2px solid var(--open)}
    @media (max-width:560px){main{padding:18px 14px}}
    @media print{@page{margin:15mm}body{font-size:10.5pt}main{max-width:none;padding:0}.scroll{max-height:none;\
    overflow:visible;border:0}thead{display:table-header-group}thead th{position:static}tr,.tile,.claim{\
    break-inside:avoid}h2,h3{break-after:avoid}table{font-size:8.5pt}.dot,rect{print-color-adjust:exact;\
    -webkit-print-color-adjust:exact}}
    """

  /// A whole page. It loads nothing, runs no script, and forbids itself both.
  static func page(title: String, _ body: Markup) -> Markup {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
    <title>\(title)</title>
    <style>
    \(sheet)
    </style>
    </head>
    <body>
    <main>
    \(body)
    </main>
    </body>
    </html>

    """
  }
}
