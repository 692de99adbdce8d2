import Base
import Pipelines
import Testing

struct TemplateTests {
    private func command(_ cmd: String, params: String, options: TemplateOptions = .init()) throws -> [String] {
        let text = "stages:\n  s:\n    cmd: \(cmd)\n"
        return try parse(text, files: ["params.yaml": params], options: options).stages[0].commands
    }

    @Test func `Expressions reach into mappings and lists`() throws {
        let params = "a: {b: 1, c: [x, {d: y}]}\nlr: 1e-3\non: true\noff: false\nnone: null\n"
        #expect(try command("x ${a.b} ${a[b]} ${a.c[0]} ${a.c[1].d}", params: params) == ["x 1 1 x y"])
        #expect(try command("x ${lr} ${on} ${off} ${none}", params: params) == ["x 0.001 true false None"])
        #expect(try command(#"echo \${HOME} ${ a.b }"#, params: params) == ["echo ${HOME} 1"])
        #expect(try command("echo $HOME $(date)", params: params) == ["echo $HOME $(date)"])
    }

    @Test func `A mapping in cmd becomes flags`() throws {
        let params = """
            train:
              lr: 0.1
              name: it's here
              plain: abc
              fast: true
              slow: false
              layers: [1, 2]
              opt: {beta: 0.9, empty: ''}
            """
        #expect(
            try command("x ${train}", params: params) == [
                "x --lr 0.1 --name 'it'\"'\"'s here' --plain abc --fast --layers 1 2 --opt.beta 0.9 --opt.empty ''"
            ])
        #expect(
            try command("${train}", params: params, options: .init(booleans: .booleanOptional, lists: .append)) == [
                "--lr 0.1 --name 'it'\"'\"'s here' --plain abc --fast --no-slow --layers 1 --layers 2 --opt.beta 0.9 "
                    + "--opt.empty ''"
            ])
        #expect(
            message { _ = try command("${t}", params: "t: {l: [[1]]}") }
                == "dvc.yaml:3:10: failed to parse 'stages.s.cmd': the list 'l' holds lists or mappings; a command needs "
                + "plain values")
    }

    @Test func `A text that is one expression keeps its type`() throws {
        let text = "stages:\n  s:\n    cmd: x\n    frozen: ${f}\n    outs:\n    - ${name}:\n        cache: ${f}\n"
        let stage = try parse(text, files: ["params.yaml": "f: true\nname: out.txt\n"]).stages[0]
        #expect(stage.isFrozen)
        #expect(stage.outputs == [Output(path: "out.txt")])
        #expect(
            message {
                _ = try parse("stages:\n  s:\n    cmd: x\n    deps:\n    - ${l}\n", files: ["params.yaml": "l: [a]"])
            }
                == "dvc.yaml:5:7: failed to parse 'stages.s.deps': 'l' is a list and cannot become text")
    }

    @Test func `Vars come from files, from parts of files, and from stages`() throws {
        let text = """
            vars:
            - config.yaml:model,data.path
            - extra: 7
            stages:
              a:
                wdir: sub
                vars:
                - local.json
                - mine: m
                cmd: x ${lr} ${model.n} ${data.path} ${extra} ${l} ${mine}
            """
        let files = [
            "params.yaml": "lr: 1\n", "config.yaml": "model: {n: 2}\ndata: {path: p, other: q}\n",
            "sub/local.json": #"{"l": 3}"#,
        ]
        let file = try parse(text, files: files)
        #expect(file.stages[0].commands == ["x 1 2 p 7 3 m"])
        #expect(
            file.templateParams == [
                ParamSelection(file: "config.yaml", keys: ["data.path", "model.n"]),
                ParamSelection(file: "params.yaml", keys: ["lr"]), ParamSelection(file: "sub/local.json", keys: ["l"]),
            ])
        #expect(
            message { _ = try parse("vars:\n- c.yaml\n", files: ["params.yaml": "a: {b: 1}", "c.yaml": "a: {b: 1}"]) }
                == "dvc.yaml:2:3: 'vars': 'a.b' from 'c.yaml' is defined already")
    }

    @Test func `Foreach over scalars, over mappings in a list, and over a mapping`() throws {
        func names(_ each: String, _ cmd: String) throws -> [String] {
            let text = "stages:\n  b:\n    foreach: \(each)\n    do:\n      cmd: \(cmd)\n"
            let stages = try parse(text, files: ["params.yaml": "list: [p, q]\nmap: {k: {v: 1}}\n"]).stages
            return stages.map { "\($0.name): \($0.commands[0])" }
        }
        #expect(try names("[us, 2, true]", "x ${item}") == ["b@us: x us", "b@2: x 2", "b@true: x true"])
        #expect(try names("[{a: 1}, 5]", "x") == ["b@0: x", "b@1: x"])
        #expect(try names("[{a: 1}, {a: 2}]", "x ${item.a}") == ["b@0: x 1", "b@1: x 2"])
        #expect(try names("{one: {a: 1}, two: {a: 2}}", "x ${key} ${item.a}") == ["b@one: x one 1", "b@two: x two 2"])
        #expect(try names("${list}", "x ${item}") == ["b@p: x p", "b@q: x q"])
        #expect(try names("${map}", "x ${key} ${item.v}") == ["b@k: x k 1"])
    }

    @Test func `Matrix is the product in the order of the keys`() throws {
        let text = """
            stages:
              build:
                matrix:
                  os: [win, linux]
                  pyv: [3.7, 3.8]
                  dict: [{a: 1}]
                  list: [[x, y]]
                cmd: x ${item.os} ${item.pyv} ${item.dict.a} ${item.list[1]} ${key}
            """
        let stages = try parse(text).stages
        #expect(
            stages.map(\.name) == [
                "build@win-3.7-dict0-list0", "build@win-3.8-dict0-list0", "build@linux-3.7-dict0-list0",
                "build@linux-3.8-dict0-list0",
            ])
        #expect(stages[1].commands == ["x win 3.8 1 y win-3.8-dict0-list0"])
        #expect(stages[0].group == "build")
    }

    @Test func `A global item is overridden with a warning, and a local one is an error`() throws {
        let text = "stages:\n  b:\n    foreach: [1]\n    do:\n      cmd: x ${item}\n"
        let file = try parse(text, files: ["params.yaml": "item: 9"])
        #expect(file.stages[0].commands == ["x 1"])
        #expect(file.warnings == ["dvc.yaml:5:7: 'item' is defined globally; 'stages.b.do' uses its own"])
        let other = "stages:\n  b:\n    foreach: [1]\n    do:\n      vars:\n      - item: 2\n      cmd: x\n"
        #expect(
            message { _ = try parse(other) }
                == "dvc.yaml:6:9: 'stages.b.do.vars': 'item' from 'stages.b.do.vars' is defined already")
    }
}
