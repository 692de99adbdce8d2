import Base
import TestSupport
import Testing

/// `plots` and `report` through real git.
@Suite struct PlotTests {
    static func prepare(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.write(
            """
            plots:
              - img
              - both:
                  title: Both
                  template: smooth
                  x: {hist.csv: step}
                  y: {hist.csv: [acc, loss]}
            stages:
              train:
                cmd: >-
                  awk -v k=$(sed 's/k: //' params.yaml) 'BEGIN { print "step,acc,loss" > "hist.csv"; for (i = 0; i < 5; i++)
                  print i "," 1 - 1 / (1 + i * k) "," 1 / (1 + i * k) > "hist.csv" }'
                params: [k]
                metrics: [m.json: {cache: false, persist: true}]
                plots:
                  - hist.csv: {cache: false, x: step, y: acc}
                  - cm.csv: {cache: false, persist: true, template: confusion, x: actual, y: predicted}

            """, to: "repo/dvc.yaml")
        try box.write("{\"f1\": 0.5}", to: "repo/m.json")
        try box.write("actual,predicted\ncat,cat\ncat,dog\ndog,dog\n", to: "repo/cm.csv")
        try box.run("printf '\\211PNG\\r\\n\\032\\n' > /dev/null; mkdir img && printf 'x' > img/a.png", in: "repo")
        for k in 1...2 {
            try box.write("k: \(k)\n", to: "repo/params.yaml")
            try box.run("git mlrun repro -q && git add -A && git commit -q -m k\(k)", in: "repo")
        }
    }

    @Test func `diff draws one page that needs no network`() throws {
        let box = try Sandbox()
        try PlotTests.prepare(box)
        let said = try box.run("git mlrun plots diff HEAD~1 HEAD -o report --svg", in: "repo").output
        #expect(said == "file://\(try Files.realPath(box.root))/repo/report/index.html\n")
        let page = try box.text("repo/report/index.html")
        #expect(page.contains("data:image/png;base64,eA=="))
        #expect(!page.contains("<script") && !page.contains("src=\"http") && !page.contains("href="))
        #expect(page.contains("HEAD~1: step 4, acc 0.8<") && page.contains("HEAD: step 4, acc 0.888889<"))
        #expect(page.contains("actual cat, predicted dog: 1"))
        #expect(try Files.list(box.root + "/repo/report") == ["Both.svg", "cm.csv.svg", "hist.csv.svg", "index.html"])
        // Well-formed XML, as an independent parser sees it.
        try box.run(
            "for f in report/*.svg; do python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' $f; done",
            in: "repo")
    }

    @Test func `a template of one's own is filled in`() throws {
        let box = try Sandbox()
        try PlotTests.prepare(box)
        try box.write(
            "{\"data\": {\"values\": \"<DVC_METRIC_DATA>\"}, \"mark\": \"point\", \"title\": \"of <DVC_METRIC_TITLE>\", "
                + "\"encoding\": {\"x\": {\"field\": \"<DVC_METRIC_X>\"}, \"color\": \"<DVC_METRIC_COLOR>\"}}",
            to: "repo/.dvc/plots/dots.json")
        let vega = try JSON(
            parsing: try box.run("git mlrun plots show --targets hist.csv -t dots --show-vega", in: "repo").output)
        #expect(vega["title"] == "of hist.csv" && vega["encoding"]?["x"]?["field"] == "step")
        #expect(vega["data"]?["values"]?.arrayValue?.count == 5)
        #expect(vega["encoding"]?["color"]?["field"] == "rev")
        let refused = try box.attempt("git mlrun plots show --targets hist.csv -t params.yaml --show-vega", in: "repo")
        #expect(refused.status == 128 && refused.errors.contains("'params.yaml' is not a plot template"))
    }

    @Test func `vega-lite and JSON have DVC's shape`() throws {
        let box = try Sandbox()
        try PlotTests.prepare(box)
        let json = try JSON(parsing: try box.run("git mlrun plots diff HEAD~1 --json", in: "repo").output)
        let item = json["data"]?["hist.csv"]?.arrayValue?.first
        #expect(item?["type"] == "vega" && item?["revisions"] == ["workspace", "HEAD~1"])
        let values = item?["content"]?["data"]?["values"]?.arrayValue
        #expect(values?.count == 10)
        #expect(values?.last == ["step": 4, "acc": 0.8, "rev": "HEAD~1"])
        #expect(json["data"]?["img/a.png"]?.arrayValue?.count == 2)
        let vega = try JSON(
            parsing: try box.run("git mlrun plots show --targets cm.csv --show-vega", in: "repo").output)
        #expect(vega["$schema"] == "https://vega.github.io/schema/vega-lite/v5.json")
        #expect(vega["facet"]?["field"] == "rev")
    }

    @Test(arguments: [
        "linear", "simple", "smooth", "scatter", "scatter_jitter", "confusion", "confusion_normalized",
        "bar_horizontal",
        "bar_horizontal_sorted",
    ])
    func `every template draws any file`(template: String) throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("name,value\na<b,3\n\"q\"\"x\",1\na<b,nan\n", to: "repo/t.csv")
        try box.run("git mlrun plots show t.csv -x value -y name --template \(template) -o out --svg", in: "repo")
        let svg = try box.text("repo/out/t.csv.svg")
        #expect(!svg.contains("a<b") && !svg.contains("=\"nan") && !svg.contains("\"inf"))
        try box.run("python3 -c 'import xml.dom.minidom as m; m.parse(\"out/t.csv.svg\")'", in: "repo")
        _ = try JSON(
            parsing: try box.run("git mlrun plots show t.csv --template \(template) --show-vega", in: "repo").output)
    }

    @Test func `what cannot be drawn is said`() throws {
        let box = try Sandbox()
        try PlotTests.prepare(box)
        let column = try box.attempt("git mlrun plots show hist.csv -y accc", in: "repo")
        #expect(column.errors.contains("'hist.csv' has no column 'accc'"))
        let template = try box.attempt("git mlrun plots show hist.csv --template linaer", in: "repo")
        #expect(template.status == 128 && template.errors.contains("known: linear"))
        #expect(try box.attempt("git mlrun plots diff nosuch", in: "repo").status == 128)
        #expect(try box.attempt("git mlrun plots show none.csv", in: "repo").status == 128)
    }

    @Test func `a report tells a pull request what changed`() throws {
        let box = try Sandbox()
        try PlotTests.prepare(box)
        try box.run("git remote set-url origin git@example.org:me/p.git", in: "repo")
        let text = try box.run("git mlrun report --plots pics", in: "repo").output
        let head = try box.run("git rev-parse HEAD", in: "repo").output.dropLast()
        #expect(text.hasPrefix("## [`\(head.prefix(7))`](https://example.org/me/p/commit/\(head)) against"))
        #expect(text.contains("| m.json | f1"))
        #expect(text.contains("| params.yaml | k"))
        #expect(text.contains("![Both](pics/plot-"))
        #expect(box.exists("repo/pics/plot-1.svg"))
        #expect(
            try JSON(parsing: try box.run("git mlrun report --json", in: "repo").output)["params"]?["params.yaml"]?[
                "k"]?["diff"] == 1)
    }
}
