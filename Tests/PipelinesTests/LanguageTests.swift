import Base
import Pipelines
import Testing

struct LanguageTests {
    @Test func `Every key of a stage is read`() throws {
        let text = """
            stages:
              train:
                desc: trains
                wdir: work
                cmd:
                - prepare
                - train --fast
                deps:
                - train.py
                - ../data
                params:
                - lr
                - model.size
                - other.json:
                    - a
                    - b
                - whole.yaml:
                outs:
                - model:
                    persist: true
                    push: false
                    type: model
                metrics:
                - m.json:
                    cache: false
                plots:
                - p.csv:
                    x: step
                    template: linear
                - q.csv:
                  - {x: a}
                  - {x: b}
                frozen: true
                always_changed: true
                meta:
                  owner: me
                  mlrun:
                    executor: slurm
                    resources: {cpus: 4}
                    env: [CUDA]
                    uses: ['python:requirements.txt']
                    seed: 7
                    retries: 2
                    timeout: 2h
                    gates: [{metric: acc, min: 0.9}]
                    tags: [big]
            params: [extra.yaml]
            metrics: [all.json]
            plots:
            - curves:
                y: {a.csv: loss}
            artifacts:
              best: {path: model, type: model}
            """
        let file = try parse(text, name: "sub/dvc.yaml")
        let stage = file.stages[0]
        #expect(stage.address == "sub/dvc.yaml:train")
        #expect(stage.directory == "sub/work")
        #expect(stage.commands == ["prepare", "train --fast"])
        #expect(stage.dependencies == ["sub/work/train.py", "sub/data"])
        #expect(
            stage.params == [
                ParamSelection(file: "sub/work/params.yaml", keys: ["lr", "model.size"]),
                ParamSelection(file: "sub/work/other.json", keys: ["a", "b"]),
                ParamSelection(file: "sub/work/whole.yaml", keys: nil),
            ])
        #expect(stage.outputs.map(\.path) == ["model", "m.json", "p.csv", "q.csv"].map { "sub/work/" + $0 })
        #expect(stage.outputs.map(\.kind) == [.data, .metric, .plot, .plot])
        #expect(stage.outputs[0].isPersistent && !stage.outputs[0].isPushed && !stage.outputs[1].isCached)
        #expect(stage.isFrozen && stage.isAlwaysChanged && stage.summary == "trains")
        #expect(
            stage.settings
                == StageSettings(
                    executor: "slurm", resources: ["cpus": 4], environment: ["CUDA"], uses: ["python:requirements.txt"],
                    usedFiles: ["sub/work/requirements.txt"], seed: 7, retries: 2, timeout: "2h",
                    gates: [["metric": "acc", "min": 0.9]], tags: ["big"]))
        #expect(stage.meta?["owner"] == "me")
        #expect(file.params == ["sub/extra.yaml"] && file.metrics == ["sub/all.json"])
        #expect(file.plots == [PlotDefinition(id: "curves", properties: ["y": ["a.csv": "loss"]])])
        #expect(file.artifacts["best"]?["path"] == "model")
    }

    @Test func `A text of several lines is several commands`() throws {
        let text = "stages:\n  a:\n    cmd: |\n      one\n\n      two \\\n        more\n      three\n"
        #expect(try parse(text).stages[0].commands == ["one", "two \\\n  more", "three"])
        #expect(try parse("stages:\n  a:\n    cmd: >-\n      one\n      two\n").stages[0].commands == ["one two"])
    }

    @Test func `Anchors and merge keys work`() throws {
        let text = "stages:\n  a: &a\n    cmd: x\n    deps: [d]\n  b:\n    <<: *a\n    cmd: y\n"
        let stages = try parse(text).stages
        #expect(stages[1].commands == ["y"])
        #expect(stages[1].dependencies == ["d"])
    }

    @Test(
        "Scalars follow YAML 1.2",
        arguments: [
            ("1", JSON.integer(1)), ("-0", .integer(0)), ("+7", .integer(7)), ("012", .integer(12)),
            ("0o17", .integer(15)),
            ("0xfF", .integer(255)), ("1e-3", .number(0.001)), ("1.", .number(1)), (".5", .number(0.5)),
            ("-1.5E+2", .number(-150)), ("true", .bool(true)), ("False", .bool(false)), ("yes", .string("yes")),
            ("NO", .string("NO")), ("on", .string("on")), ("~", .null), ("null", .null), ("", .null),
            ("1_000", .string("1_000")), ("1.2.3", .string("1.2.3")), ("2026-11-23", .string("2026-11-23")),
            ("-", .string("-")), (".", .string(".")), ("1e", .string("1e")), ("0x", .string("0x")),
            ("e5", .string("e5")),
            ("99999999999999999999", .number(1e20)), (".inf", .number(.infinity)),
        ])
    func scalars(_ text: String, _ value: JSON) {
        #expect(YAMLScalar.resolve(text) == value)
    }

    @Test func `Params are found by dotted key and flattened`() throws {
        let yaml = try Params.load(Array("a: {b: {c: 1, d: [1, 2]}}\ne.f: 2\nempty: {}\n".utf8), name: "p.yaml")
        #expect(Params.lookup("a.b.c", in: yaml) == 1)
        #expect(Params.lookup("a.b.d[1]", in: yaml) == 2)
        #expect(Params.lookup("a.b", in: yaml) == ["c": 1, "d": [1, 2]])
        #expect(Params.lookup("e.f", in: yaml) == 2)
        #expect(Params.lookup("a.x", in: yaml) == nil)
        #expect(Params.flatten(yaml).map(\.key) == ["a.b.c", "a.b.d", "e.f", "empty"])
        #expect(try Params.load(Array(#"{"a": 1}"#.utf8), name: "p.json") == ["a": 1])
        #expect(
            message { _ = try Params.load(Array("a = 1\nb = x\n".utf8), name: "p.toml") }
                == "p.toml:2:5: 'x' is no value: text needs quotes")
        #expect(
            message { _ = try Params.load(Array("a = 1\nb = (2,\n".utf8), name: "p.py") }
                == "p.py:2:5: a bracket without an end")
        #expect(
            message { _ = try Params.load(Array("{".utf8), name: "p.json") }
                == "p.json: invalid JSON at line 1, column 2: expected a key in double quotes")
    }

    @Test func `Metrics are the numbers, texts and booleans of a file`() throws {
        let json = #"{"a": {"b": 1, "c": 0.5, "d": "x"}, "l": [1], "t": true, "n": null, "bad": NaN}"#
        #expect(
            try Metrics.load(Array(json.utf8), name: "m.json") == [
                "a.b": 1, "a.c": 0.5, "a.d": "x", "t": true, "bad": "NaN",
            ])
        #expect(try Metrics.load(Array("x: .nan\ny: -.inf\n".utf8), name: "m.yaml") == ["x": "nan", "y": "-inf"])
    }

    @Test func `Paths are normalised and never leave the repository`() throws {
        #expect(try RepositoryPath.normalize("a/./b//c/../d/", in: ".") == "a/b/d")
        #expect(try RepositoryPath.normalize("../x", in: "sub") == "x")
        #expect(try RepositoryPath.normalize(".", in: "sub") == "sub")
        #expect(try RepositoryPath.normalize("a/\u{301}b", in: "s") == "s/a/\u{301}b")
        #expect(
            RepositoryPath.isInside("a/b", "a") && RepositoryPath.isInside("a", "a")
                && !RepositoryPath.isInside("ab", "a"))
        #expect(RepositoryPath.relative("a/b/c", to: "a/d") == "../b/c")
        #expect(throws: MLError.self) { try RepositoryPath.normalize("a/../../x", in: ".") }
    }
}
