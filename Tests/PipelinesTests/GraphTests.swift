import Base
import Pipelines
import Testing

struct GraphTests {
    private func stage(_ name: String, _ deps: [String], _ outs: [String], file: String = "dvc.yaml") -> Stage {
        Stage(name: name, file: file, commands: ["x"], dependencies: deps, outputs: outs.map { Output(path: $0) })
    }

    @Test func `Stages connect through equal paths, files in output folders, and folders of outputs`() throws {
        let graph = try StageGraph([
            stage("read", ["data", "model/weights"], []), stage("a", [], ["data/x/one"]), stage("b", [], ["data/two"]),
            stage("train", [], ["model"]), stage("other", ["database"], ["datas"]),
        ])
        #expect(graph.upstream == [[1, 2, 3], [], [], [], []])
        #expect(graph.downstream[1] == [0])
        #expect(graph.makers(of: "model/deep/file") == [3])
        #expect(graph.makers(of: ".") == [1, 2, 3, 4])
    }

    @Test func `A params file that a stage makes orders the stages`() throws {
        let reader = Stage(name: "r", commands: ["x"], params: [ParamSelection(file: "p.yaml", keys: ["a"])])
        #expect(try StageGraph([reader, stage("w", [], ["p.yaml"])]).upstream == [[1], []])
    }

    @Test func `Stages run after what they need, in the order of the file`() throws {
        let graph = try StageGraph([
            stage("eval", ["model", "prep"], ["m"]), stage("train", ["prep"], ["model"]),
            stage("prep", ["raw"], ["prep"]),
            stage("alone", [], ["z"]),
        ])
        #expect(graph.postOrder(from: [0, 1, 2, 3]) == [2, 1, 0, 3])
        #expect(graph.postOrder(from: [1]) == [2, 1])
        #expect(graph.descendants(of: [2]) == [0, 1, 2])
        #expect(graph.ancestors(of: [1]) == [1, 2])
        #expect(graph.component(of: [1]) == [0, 1, 2])
    }

    @Test func `What is before a frozen stage is not looked at`() throws {
        var frozen = stage("f", ["a"], ["b"])
        frozen.isFrozen = true
        let graph = try StageGraph([stage("a", [], ["a"]), frozen, stage("c", ["b"], [])])
        #expect(graph.postOrder(from: [2]) == [1, 2])
        #expect(graph.upstream[1] == [0])
    }

    @Test func `A cycle is told by its names`() {
        let stages = [
            stage("x", [], ["q"]), stage("c", ["b"], ["c"]), stage("b", ["a"], ["b"]), stage("a", ["c"], ["a"]),
        ]
        #expect(
            message { _ = try StageGraph(stages) }
                == "the stages depend on each other: c -> a -> b -> c | see dvc.yaml:1, dvc.yaml:1, dvc.yaml:1")
        #expect(
            message { _ = try StageGraph([stage("a", ["d/in"], ["d"])]) }
                == "stage 'a' reads 'd/in', which it makes itself | see dvc.yaml:1")
    }

    @Test func `Outputs may not meet`() {
        #expect(
            message { _ = try StageGraph([stage("a", [], ["x"]), stage("b", [], ["x"])]) }
                == "the output 'x' is made by two stages: 'a' and 'b' | see dvc.yaml:1 and dvc.yaml:1")
        #expect(
            message { _ = try StageGraph([stage("a", [], ["d/e/f"]), stage("b", [], ["d"])]) }
                == "outputs overlap: 'd/e/f' of stage 'a' lies in 'd' of stage 'b' | see dvc.yaml:1 and dvc.yaml:1")
        #expect(
            message { _ = try StageGraph([stage("a", [], ["sub"]), stage("b", [], ["y"], file: "sub/dvc.yaml")]) }
                == "the pipeline file 'sub/dvc.yaml' lies in an output of stage 'a'")
    }

    @Test func `Targets are stages, groups, files, outputs and patterns`() throws {
        let graph = try StageGraph([
            stage("train@a", [], ["a.bin"]), stage("train@b", [], ["out/b.bin"]), stage("eval", [], []),
            stage("eval", [], [], file: "sub/dvc.yaml"),
        ])
        #expect(try graph.resolve(target: "train@a") == [0])
        #expect(try graph.resolve(target: "train") == [0, 1])
        #expect(try graph.resolve(target: "train@*") == [0, 1])
        #expect(try graph.resolve(target: "eval") == [2])
        #expect(try graph.resolve(target: "eval", in: "sub") == [3])
        #expect(try graph.resolve(target: "sub/dvc.yaml:eval") == [3])
        #expect(try graph.resolve(target: ":eval") == [2])
        #expect(try graph.resolve(target: "dvc.yaml") == [0, 1, 2])
        #expect(try graph.resolve(target: "out/b.bin") == [1])
        #expect(try graph.resolve(target: "../a.bin", in: "sub") == [0])
        #expect(try graph.resolve(target: "*a*@[!b]", isGlob: true) == [0])
        #expect(
            message { _ = try graph.resolve(target: "evla") }
                == "there is no stage and no output 'evla' | did you mean 'eval'?")
    }

    @Test(
        "Glob patterns match as in a shell",
        arguments: [
            ("abc", "abc", true), ("abc", "a*", true), ("abc", "*c", true), ("abc", "a?c", true), ("abc", "ab", false),
            ("abc", "[a-c]bc", true), ("abc", "[!a]bc", false), ("aXbXc", "a*b*c", true), ("aaa", "*a*a*a*", true),
            ("aa", "*a*a*a*", false), ("", "*", true), ("[", "[", true),
        ])
    func globs(_ text: String, _ pattern: String, _ expected: Bool) {
        #expect(Glob.matches(text, pattern: pattern) == expected)
    }
}
