"""How the report looks, by light and by night, on paper and on a telephone."""

CSS = """
:root{color-scheme:light dark;--back:#fff;--front:#1c2024;--soft:#5b6570;--edge:#d9dee3;
--cell:38,99,235;
--s0:#2563eb;--s1:#c2410c;--s2:#047857;--s3:#7e22ce}
@media(prefers-color-scheme:dark){:root{--back:#14171a;--front:#e8eaed;--soft:#a3adb8;
--edge:#353c44;
--cell:96,165,250;--s0:#60a5fa;--s1:#fb923c;--s2:#34d399;--s3:#c084fc}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--back);color:var(--front);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}p{margin:.4rem 0}
.soft,figcaption,caption,dt{color:var(--soft)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.8rem;margin:1rem 0}
dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;
font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.3rem 0}th,td{padding:.2rem .7rem;
border-bottom:1px solid var(--edge);
text-align:left;overflow-wrap:anywhere}thead th{color:var(--soft);font-weight:500}
tbody th{font-weight:500}
.matrix td{text-align:right}figure{margin:1rem 0}svg{width:100%;height:auto}
svg text{fill:var(--soft);font-size:11px}.end{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:var(--edge)}.line{fill:none;stroke-width:1.8}
.line.s0{stroke:var(--s0)}.line.s1{stroke:var(--s1)}.line.s2{stroke:var(--s2)}
.line.s3{stroke:var(--s3)}
.dot.s0{fill:var(--s0)}.dot.s1{fill:var(--s1)}.dot.s2{fill:var(--s2)}.dot.s3{fill:var(--s3)}
.graph{max-width:30rem}.box{fill:none;stroke:var(--edge)}
.flow{fill:none;stroke:var(--soft)}
.key{margin-left:.8rem}.key::before{content:"";display:inline-block;width:.8rem;height:.2rem;
margin-right:.3rem;vertical-align:middle;background:currentColor}
.key.s0{color:var(--s0)}.key.s1{color:var(--s1)}.key.s2{color:var(--s2)}.key.s3{color:var(--s3)}
.samples{display:flex;flex-wrap:wrap;gap:1rem}.samples figure{margin:0}
.samples img{height:96px;image-rendering:pixelated;display:block;margin-bottom:.3rem;
max-width:100%}
.samples figcaption{font-size:.85rem;max-width:14rem;overflow-wrap:anywhere}.wrong{color:var(--s1)}
summary{color:var(--soft);cursor:pointer}
"""
