import Base
import Pipelines
import Testing

struct ParseErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var message: String
        var testDescription: String { message }
    }

    static let cases = [
        Case(
            text: "stages:\n  a:\n    cmd: [x\n",
            message: "dvc.yaml:4:1: invalid YAML: did not find expected ',' or ']' while parsing a flow sequence"),
        Case(
            text: "stages:\n  a:\n\tcmd: x\n",
            message:
                "dvc.yaml:3:1: invalid YAML: found character that cannot start any token while scanning for the next "
                + "token | YAML is indented with spaces, not with tabs"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs: [a_${x}.txt]\n",
            message: "dvc.yaml:4:15: invalid YAML: did not find expected ',' or ']' while parsing a flow sequence | "
                + "inside [ ] and { }, put text that contains '${' in double quotes"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n  a:\n    cmd: y\n",
            message: "dvc.yaml:2:3: the key 'a' is given more than once"),
        Case(
            text: "stage:\n  a:\n    cmd: x\n",
            message: "dvc.yaml:1:1: unknown key 'stage' in 'dvc.yaml' | did you mean 'stages'?"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    depz: [y]\n",
            message: "dvc.yaml:4:5: unknown key 'depz' in 'stages.a' | did you mean 'deps'?"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    mlrun: {}\n",
            message:
                "dvc.yaml:4:5: unknown key 'mlrun' in 'stages.a' | known keys: cmd, wdir, deps, params, vars, outs, "
                + "metrics, plots, frozen, always_changed, desc, meta, foreach, do, matrix"),
        Case(text: "stages:\n  a:\n    deps: [x]\n", message: "dvc.yaml:3:5: 'stages.a' has no 'cmd'"),
        Case(
            text: "stages:\n  a:\n    cmd: 3\n",
            message: "dvc.yaml:3:10: 'stages.a.cmd' must be text or a list of texts, not a number"),
        Case(text: "stages:\n  a:\n    cmd: ''\n", message: "dvc.yaml:3:10: 'stages.a.cmd' is empty"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    deps: y\n",
            message: "dvc.yaml:4:11: 'stages.a.deps' must be a list, not text"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    deps: [1]\n",
            message: "dvc.yaml:4:12: 'stages.a.deps' must be text, not a number | put it in quotes to make it text"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    frozen: yes\n",
            message: "dvc.yaml:4:13: 'stages.a.frozen' must be true or false, not text"),
        Case(
            text: "stages:\n  a b:\n    cmd: x\n",
            message:
                "dvc.yaml:2:3: 'a b' is not a stage name | '@', ':', '/' and blanks mean something else in a target on the command line"
        ),
        Case(
            text: "stages:\n  a@b:\n    cmd: x\n",
            message:
                "dvc.yaml:2:3: 'a@b' is not a stage name | '@', ':', '/' and blanks mean something else in a target on the command line"
        ),
        Case(text: "stages: [a]\n", message: "dvc.yaml:1:9: 'stages' must be a mapping, not a list"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs:\n    - y: {cach: false}\n",
            message: "dvc.yaml:5:11: unknown key 'cach' in 'stages.a.outs.y' | did you mean 'cache'?"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs:\n    - y: {remote: s3}\n",
            message: "dvc.yaml:5:11: 'stages.a.outs.y.remote' is not supported | remotes are configured for the "
                + "repository: git mldata remote"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs: [../y]\n",
            message: "dvc.yaml:4:12: 'stages.a.outs': the path '../y' leaves the repository"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs: [/etc/passwd]\n",
            message: "dvc.yaml:4:12: 'stages.a.outs': the path '/etc/passwd' is not relative; paths outside the "
                + "repository are not supported"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs: [.]\n",
            message: "dvc.yaml:4:12: 'stages.a.outs': the whole repository cannot be an output"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs: [.git/config]\n",
            message: "dvc.yaml:4:12: 'stages.a.outs': the path '.git/config' is inside '.git'"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    deps: ['s3://b/k']\n",
            message: "dvc.yaml:4:12: 'stages.a.deps': the path 's3://b/k' is a URL; only files in the repository are "
                + "supported"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    outs: [y]\n    metrics: [y]\n",
            message: "dvc.yaml:3:5: stage 'a' lists the output 'y' more than once"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    deps: [y]\n    outs: [y]\n",
            message: "dvc.yaml:3:5: stage 'a' has 'y' both as a dependency and as an output"),
        Case(
            text: "stages:\n  a:\n    cmd: x\n    meta: {mlrun: {environ: [A]}}\n",
            message: "dvc.yaml:4:20: unknown key 'environ' in 'stages.a.meta.mlrun' | known keys: executor, resources, "
                + "env, uses, seed, retries, timeout, gates, tags"),
        Case(
            text: "stages:\n  a:\n    foreach: [1]\n    cmd: x\n",
            message: "dvc.yaml:3:5: 'stages.a' has 'foreach' but no 'do'"),
        Case(
            text: "stages:\n  a:\n    foreach: [1]\n    matrix: {x: [1]}\n    do: {cmd: x}\n",
            message: "dvc.yaml:3:5: 'stages.a' has both 'foreach' and 'matrix'"),
        Case(
            text: "datasets: []\n",
            message: "dvc.yaml:1:1: 'datasets' is not supported | list the files as dependencies"),
        Case(
            text: "stages:\n  a:\n    cmd: x ${lr}\n",
            message: "dvc.yaml:3:10: failed to parse 'stages.a.cmd': could not find 'lr'"),
        Case(
            text: "vars:\n- rate: 1\nstages:\n  a:\n    cmd: x ${rates}\n",
            message: "dvc.yaml:5:10: failed to parse 'stages.a.cmd': could not find 'rates' | did you mean 'rate'?"),
        Case(
            text: "vars:\n- l: [1, 2]\nstages:\n  a:\n    cmd: x ${l}\n",
            message: "dvc.yaml:5:10: failed to parse 'stages.a.cmd': 'l' is a list and cannot become text"),
        Case(
            text: "vars:\n- a: 1\n- a: 2\n", message: "dvc.yaml:3:3: 'vars': 'a' from 'vars' is defined already"),
        Case(text: "vars:\n- a: ${b}\n", message: "dvc.yaml:2:6: 'vars' may not contain '${'"),
        Case(text: "vars:\n- other.yaml\n", message: "dvc.yaml:2:3: 'vars': 'other.yaml' does not exist"),
        Case(
            text: "stages:\n  a:\n    cmd: x ${a b}\n",
            message: "dvc.yaml:3:10: failed to parse 'stages.a.cmd': 'a b' is not a name such as 'a.b' or 'a[0]'"),
    ]

    @Test("Every mistake is told with file, line, column and advice", arguments: cases)
    func mistakes(_ example: Case) {
        #expect(message { _ = try parse(example.text) } == example.message)
    }

    @Test func `A file that is not text is told by its line`() {
        let bytes = Array("stages:\n  a:\n".utf8) + [0xFF, 0xFE]
        #expect(
            message { _ = try PipelineFile(parsing: bytes, path: "sub/mlrun.yaml") { _ in nil } }
                == "sub/mlrun.yaml:3:1: the file is not UTF-8 text")
    }

    @Test func `Aliases that expand without end are refused`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            let before = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(Array(repeating: before, count: 10).joined(separator: ", "))]\n"
        }
        let found = message { _ = try Params.load(Array(text.utf8), name: "params.yaml") }
        #expect(found?.hasSuffix("the file expands to too many values") == true)
    }

    @Test func `Endless nesting is an error, not a crash`() {
        let deep = String(repeating: "[", count: 200_000)
        #expect(message { _ = try Params.load(Array(deep.utf8), name: "p.yaml") }?.hasPrefix("p.yaml:1:") == true)
        #expect(message { _ = try parse(String(repeating: "- ", count: 200_000)) }?.hasPrefix("dvc.yaml:1:") == true)
    }

    @Test func `An empty file has no stages`() throws {
        #expect(try parse("").stages.isEmpty)
        #expect(try parse("# nothing\n").stages.isEmpty)
        #expect(try parse("stages:\n").stages.isEmpty)
    }
}
