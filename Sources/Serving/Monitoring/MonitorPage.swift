import Base

/// What `MonitorHistory.document` says, as a page: it draws what it is given, and asks for more where somebody answers.
public enum MonitorPage {
    /// - Parameters:
    ///   - document: of `MonitorHistory`.
    ///   - isLive: the page asks `summary.json` beside it, every `interval` seconds.
    public static func html(_ document: JSON, isLive: Bool, interval: Double) -> String {
        // `<` would end the script where a label has `</script>`.
        let data = document.compact().replacing("<", with: "\\u003c")
        return """
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>git mlrun monitor</title>
            <style>\(style)</style>
            <header><h1></h1><p id="version"></p></header>
            <section id="tiles"></section>
            <section class="charts">
            <figure><figcaption>Requests per second</figcaption><svg id="rate" viewBox="0 0 600 160" role="img" aria-label="Requests per second"></svg></figure>
            <figure><figcaption>99th percentile of latency, ms</figcaption><svg id="slow" viewBox="0 0 600 160" role="img" aria-label="99th percentile of latency"></svg></figure>
            </section>
            <section id="generations"></section>
            <footer></footer>
            <script>
            const live = \(isLive), interval = \(Int(interval * 1000));
            let data = \(data);
            \(script)
            </script>
            </html>

            """
    }

    private static let style = """
        :root { --ink: #222; --soft: #666; --line: #ddd; --blue: #205493; --pale: #c9d6e8; --bad: #a3231f; --warn: #8a5a00; --paper: #fff }
        @media (prefers-color-scheme: dark) { :root { --ink: #ddd; --soft: #999; --line: #383838; --blue: #7fa8dd; --pale: #34465e; --bad: #f0807a; --warn: #e0b050; --paper: #1b1b1b } }
        body { font: 15px/1.45 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper) }
        h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1rem; margin: 0 } header p, footer { color: var(--soft); margin: .2rem 0 1.2rem; font-size: .85rem; overflow-wrap: anywhere }
        #tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .6rem; margin-bottom: 1.2rem }
        .tile { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .7rem } .tile b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums }
        .tile span { color: var(--soft); font-size: .8rem } .bad { color: var(--bad) } .warn { color: var(--warn) }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem } figure { margin: 0 } figcaption { color: var(--soft); font-size: .8rem }
        svg { width: 100%; height: auto } svg text { font-size: 11px; fill: var(--soft) } svg line { stroke: var(--line) } svg polyline { fill: none; stroke: var(--blue); stroke-width: 2 }
        footer { margin-top: 1rem }
        article { border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; margin-top: 1rem } article code { font-size: .85rem; color: var(--soft) }
        .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem; margin-top: .6rem; align-items: start }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } th { text-align: left; font-weight: normal; color: var(--soft); font-size: .8rem } td, th { padding: .15rem .6rem .15rem 0 } td.n, th.n { text-align: right }
        .bar { position: relative; height: .8rem; background: var(--line); border-radius: 2px; min-width: 7rem } .bar i { position: absolute; left: 0; top: 0; bottom: 0; background: var(--blue); border-radius: 2px } .bar u { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--ink) }
        """

    private static let script = """
        const $ = (s) => document.querySelector(s);
        const make = (tag, text, name) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (name) e.className = name; return e; };
        const digits = (v, n) => v === null || v === undefined ? "–" : v.toLocaleString("en", {maximumFractionDigits: n});
        const ms = (v) => v === null ? "–" : digits(v * 1000, v < 0.01 ? 2 : 0) + " ms";
        const percent = (v) => digits(v * 100, 1) + " %";
        function tile(name, value, look) { const t = make("div", undefined, "tile"); t.append(make("b", value, look), make("span", name)); return t; }
        function chart(svg, points) {
          svg.replaceChildren();
          const ns = "http://www.w3.org/2000/svg";
          const add = (tag, set, text) => { const e = document.createElementNS(ns, tag); for (const k in set) e.setAttribute(k, set[k]); if (text) e.textContent = text; svg.append(e); };
          const known = points.filter(p => p[1] !== null);
          const top = Math.max(...known.map(p => p[1]), 1e-9);
          for (const share of [0, 0.5, 1]) {
            const y = 140 - 120 * share;
            add("line", {x1: 50, x2: 595, y1: y, y2: y});
            add("text", {x: 44, y: y + 4, "text-anchor": "end"}, known.length || share === 0 ? digits(top * share, top < 10 ? 2 : 0) : "");
          }
          if (!known.length) return add("text", {x: 320, y: 80, "text-anchor": "middle"}, "nothing was asked yet");
          const first = points[0][0], span = Math.max(points[points.length - 1][0] - first, 1e-9);
          const place = (p) => (points.length < 2 ? 322 : 50 + 545 * (p[0] - first) / span).toFixed(1) + "," + (140 - 120 * p[1] / top).toFixed(1);
          add("polyline", {points: known.map(place).join(" ")});
          add("text", {x: 50, y: 156}, new Date(first * 1000).toISOString().slice(11, 19));
          add("text", {x: 595, y: 156, "text-anchor": "end"}, new Date((first + span) * 1000).toISOString().slice(11, 19) + " UTC");
        }
        const names = {classes: "classes", scores: "scores", characters: "length of texts", unknown_words: "unknown words"};
        function table(titles, rows) {
          const t = make("table"), head = t.createTHead().insertRow();
          titles.forEach((title, i) => head.append(make("th", title, i && title ? "n" : "")));
          const body = t.createTBody();
          for (const cells of rows) { const row = body.insertRow(); for (const cell of cells) row.append(cell); }
          return t;
        }
        function generation(g) {
          const a = make("article"), head = make("h2", g.current ? "Serving now" : "Before or beside it");
          head.append(" ", make("code", g.model_version.slice(0, 12)));
          a.append(head, make("span", digits(g.predictions, 0) + " predictions", ""));
          const columns = make("div", undefined, "columns");
          columns.append(table(["Class", "now", "training", ""], Object.entries(g.classes).map(([label, c]) => {
            const bar = make("td"), box = make("div", undefined, "bar"), fill = make("i");
            fill.style.width = 100 * c.share + "%"; box.append(fill);
            if (c.training !== null) { const mark = make("u"); mark.style.left = "calc(" + 100 * c.training + "% - 1px)"; box.append(mark); }
            bar.append(box);
            return [make("td", label), make("td", percent(c.share), "n"), make("td", c.training === null ? "–" : percent(c.training), "n"), bar];
          })));
          const drift = Object.entries(g.drift);
          if (drift.length) columns.append(table(["Drift against training", "PSI", "Jensen–Shannon", ""], drift.map(([name, d]) => {
            const look = d.psi > 0.25 ? "bad" : d.psi > 0.1 ? "warn" : "";
            const word = d.psi > 0.25 ? "large" : d.psi > 0.1 ? "some" : "none";
            return [make("td", names[name] || name), make("td", d.psi.toFixed(3), "n " + look), make("td", d.jensen_shannon.toFixed(3), "n"), make("td", word, look)];
          })));
          else columns.append(make("p", g.predictions ? "The model has no reference.json: nothing to compare with." : "No predictions yet."));
          a.append(columns);
          return a;
        }
        function draw() {
          const r = data.requests, l = data.latency;
          $("h1").textContent = data.model + " on " + data.url;
          document.title = data.model + " – git mlrun monitor";
          $("#version").textContent = "commit " + data.model_version + ", generation " + data.generation + (data.replicas ? ", " + data.replicas + " replicas" : "");
          $("#tiles").replaceChildren(
            tile("requests a second", digits(r.per_second, 1)), tile("p50", ms(l.p50)), tile("p95", ms(l.p95)), tile("p99", ms(l.p99)),
            tile("failed (5xx)", percent(r.failed), r.failed > 0.01 ? "bad" : ""), tile("refused (4xx)", percent(r.refused)),
            tile("in flight", digits(r.in_flight, 0)), tile("in the queue", digits(r.queue, 0), r.queue > 100 ? "bad" : ""),
            tile("texts per batch", digits(data.mean_batch, 1)), tile("log lines lost", digits(data.log_errors, 0), data.log_errors ? "bad" : ""));
          chart($("#rate"), data.course.map(c => [c[0], c[1]]));
          chart($("#slow"), data.course.map(c => [c[0], c[2] === null ? null : c[2] * 1000]));
          $("#generations").replaceChildren(...data.generations.map(generation));
          $("footer").textContent = digits(r.count, 0) + " requests in " + digits(data.seconds, 0) + " s, at " + data.time + (data.error ? "; the server does not answer: " + data.error : "");
          $("footer").className = data.error ? "bad" : "";
        }
        draw();
        if (live) setInterval(async () => {
          try { data = await (await fetch("summary.json")).json(); } catch (error) { data.error = "the monitor has ended"; }
          draw();
        }, interval);
        """
}

/// Answers with the page and the numbers behind it.
public final class MonitorService: RequestHandling, @unchecked Sendable {
    private let interval: Double
    private let mutex = Mutex()
    private var document: JSON

    public init(_ document: JSON, interval: Double) {
        self.document = document
        self.interval = interval
    }

    public func update(_ document: JSON) { mutex.withLock { self.document = document } }

    /// Says that the newest numbers are old.
    public func fail(_ reason: String) {
        mutex.withLock {
            var object = document.objectValue ?? [:]
            object["error"] = .string(reason)
            document = .object(object)
        }
    }

    public func handle(_ request: ServedRequest, reply: @escaping @Sendable (ServedReply) -> Void) {
        let document = mutex.withLock { self.document }
        switch (request.method, request.path) {
        case ("GET", "/"), ("HEAD", "/"):
            let page = MonitorPage.html(document, isLive: true, interval: interval)
            reply(ServedReply(200, "text/html; charset=utf-8", body: Array(page.utf8)))
        case ("GET", "/summary.json"), ("HEAD", "/summary.json"):
            var answer = ServedReply.json(document)
            answer.headers.append(("cache-control", "no-store"))
            reply(answer)
        default: reply(.error(404, "there is nothing at '\(request.path.prefix(200))'"))
        }
    }

    public func refuse(status: Int, _ request: ServedRequest) -> ServedReply {
        .error(status, "the request cannot be read")
    }
}
