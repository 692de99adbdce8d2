import Base
import Pipelines
import Testing

extension ProcessTests {
    struct StalenessTests {
        static let pipeline = """
            stages:
              train:
                cmd: cat in.txt > out.txt && cp in.txt extra.txt
                deps:
                - in.txt
                params:
                - lr
                - opt
                outs:
                - out.txt
                - extra.txt
                meta: {mlrun: {env: [SEED]}}
            """
        static let files = ["in.txt": "data\n", "params.yaml": "lr: 1\nopt: {a: 1, b: [1, 2]}\nother: 5\n"]

        /// One change to a work tree that was up to date.
        struct Change: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var plan: String
            var edit: @Sendable (inout Bench) throws -> Void
            init(_ name: String, _ plan: String, _ edit: @escaping @Sendable (inout Bench) throws -> Void) {
                (testDescription, self.plan, self.edit) = (name, plan, edit)
            }
        }

        private static func replace(_ old: String, _ new: String) -> @Sendable (inout Bench) throws -> Void {
            { try $0.tree.write("dvc.yaml", pipeline.replacing(old, with: new)) }
        }

        static let changes: [Change] = [
            Change("nothing", "train: unchanged") { _ in },
            Change("desc", "train: unchanged", replace("    deps:", "    desc: words\n    deps:")),
            Change("meta", "train: unchanged", replace("meta: {", "meta: {owner: me, ")),
            Change(
                "comments and layout of the file", "train: unchanged", replace("    deps:", "    # a word\n\n    deps:")
            ),
            Change(
                "flags of outputs", "train: unchanged", replace("- out.txt", "- out.txt: {cache: false, push: false}")),
            Change("an output becomes a metric", "train: unchanged") {
                try $0.tree.write(
                    "dvc.yaml",
                    pipeline.replacing("    - extra.txt\n", with: "").replacing(
                        "    meta:", with: "    metrics: [extra.txt]\n    meta:"))
            },
            Change("the stage's name", "learn: unchanged", replace("train:", "learn:")),
            Change("a param nobody reads", "train: unchanged") {
                try $0.tree.write("params.yaml", "lr: 1\nopt: {a: 1, b: [1, 2]}\nother: 6\n")
            },
            Change("layout of the params", "train: unchanged") {
                try $0.tree.write("params.yaml", "opt:\n  b:\n  - 1\n  - 2\n  a: 1\nlr: 0x1\n")
            },
            Change("the dependency is written again", "train: unchanged") { try $0.tree.write("in.txt", "data\n") },
            Change("another environment variable", "train: unchanged") { $0.environment["OTHER"] = "1" },
            Change("frozen", "train: frozen", replace("    deps:", "    frozen: true\n    deps:")),
            Change("spacing of the command", "train: run [changed command]", replace("cat in.txt", "cat  in.txt")),
            Change("a dependency's content", "train: run [changed dep 'in.txt': modified]") {
                try $0.tree.write("in.txt", "other\n")
            },
            Change("a dependency is gone", "train: run [changed dep 'in.txt': deleted]") {
                try $0.tree.remove("in.txt")
            },
            Change(
                "a new dependency", "train: run [changed dep 'dvc.yaml': new]",
                replace("- in.txt", "- in.txt\n    - dvc.yaml")),
            Change(
                "one dependency less", "train: run [changed dep 'in.txt': deleted]",
                replace("    deps:\n    - in.txt\n", "")),
            Change("a param's value", "train: run [changed param 'params.yaml:lr': modified]") {
                try $0.tree.write("params.yaml", "lr: 2\nopt: {a: 1, b: [1, 2]}\n")
            },
            Change("a value deep in a param", "train: run [changed param 'params.yaml:opt': modified]") {
                try $0.tree.write("params.yaml", "lr: 1\nopt: {a: 1, b: [1, 3]}\n")
            },
            Change(
                "a new param", "train: run [changed param 'params.yaml:other': new]",
                replace("- lr\n", "- lr\n    - other\n")),
            Change("one param less", "train: run [changed param 'params.yaml:lr': deleted]", replace("    - lr\n", "")),
            Change("a declared variable", "train: run [changed environment variable 'SEED']") {
                $0.environment["SEED"] = "2"
            },
            Change("a declared variable is unset", "train: run [changed environment variable 'SEED']") {
                $0.environment["SEED"] = nil
            },
            Change("the working directory", "train: run [changed working directory]") {
                try $0.tree.write(
                    "dvc.yaml",
                    pipeline.replacing("    deps:\n    - in.txt\n", with: "    deps: [../in.txt]\n    wdir: sub\n")
                        .replacing("- out.txt", with: "- ../out.txt").replacing("- extra.txt", with: "- ../extra.txt")
                        .replacing("    - lr\n    - opt\n", with: "    - ../params.yaml: [lr, opt]\n"))
            },
            Change(
                "a new output", "train: run [changed list of outputs, missing output 'new.txt']",
                replace("- out.txt", "- out.txt\n    - new.txt")),
            Change(
                "always changed", "train: run [always changed]",
                replace("    deps:", "    always_changed: true\n    deps:")),
            Change("an output is gone", "train: cached [missing output 'out.txt']") { try $0.tree.remove("out.txt") },
            Change("an output was edited", "train: cached [modified output 'out.txt']") {
                try $0.tree.write("out.txt", "edited")
            },
            Change("persist", "train: run [changed definition]", replace("- out.txt", "- out.txt: {persist: true}")),
        ]

        @Test("Each cause, and each change that is none", arguments: changes)
        func causes(_ change: Change) throws {
            var bench = try Bench(StalenessTests.pipeline, files: StalenessTests.files)
            bench.environment["SEED"] = "1"
            #expect(try bench.repro() == ["run train"])
            try change.edit(&bench)
            #expect(try bench.plan() == [change.plan])
        }

        @Test func `A stage that never ran says so`() throws {
            let bench = try Bench(StalenessTests.pipeline, files: StalenessTests.files)
            #expect(try bench.plan() == ["train: run [never run]"])
        }

        @Test func `Force runs what did not change`() throws {
            let bench = try Bench(StalenessTests.pipeline, files: StalenessTests.files)
            try bench.repro()
            #expect(try bench.plan { $0.force = true } == ["train: run [forced]"])
            #expect(try bench.repro { $0.force = true } == ["run train"])
        }

        @Test func `Without the run cache a lost output means a run`() throws {
            let bench = try Bench(StalenessTests.pipeline, files: StalenessTests.files)
            try bench.repro()
            try bench.tree.remove("out.txt")
            #expect(try bench.plan { $0.useRunCache = false } == ["train: run [missing output 'out.txt']"])
            #expect(try bench.plan { $0.allowMissing = true } == ["train: unchanged"])
        }

        @Test func `A whole params file is tracked, whatever it holds`() throws {
            let text = "stages:\n  a:\n    cmd: touch o\n    params: [{list.yaml: , map.json: }]\n    outs: [o]\n"
            let bench = try Bench(text, files: ["list.yaml": "[1, 2]", "map.json": #"{"k": 1}"#])
            try bench.repro()
            try bench.tree.write("list.yaml", "[1, 3]")
            #expect(try bench.plan() == ["a: run [changed param 'list.yaml:': modified]"])
            try bench.tree.write("list.yaml", "[1, 2]")
            try bench.tree.write("map.json", #"{"k": 1, "new": 2}"#)
            #expect(try bench.plan() == ["a: run [changed param 'map.json:new': new]"])
        }

        @Test func `A missing param names stage, file and key`() throws {
            let bench = try Bench(StalenessTests.pipeline, files: ["in.txt": "", "params.yaml": "rl: 1\n"])
            #expect(
                message { _ = try bench.plan() }
                    == "stage 'train' reads the param 'lr', which 'params.yaml' has not | did you mean 'rl'?")
            try bench.tree.remove("params.yaml")
            #expect(
                message { _ = try bench.plan() } == "stage 'train' reads params of 'params.yaml', which does not exist")
        }
    }
}
