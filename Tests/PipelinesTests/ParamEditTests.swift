import Base
import Pipelines
import Testing

@Suite struct ParamEditTests {
    static let yaml = """
        # top
        lr: 0.1   # rate
        train: {epochs: 3, name: 'it''s', deep: [1, 2]}
        model:
          layers:
            - size: 10
            - size: 20 # last
          "a.b": old
          empty:
        list: [1,
          2]

        """

    @Test(arguments: [
        ("lr", JSON.number(0.2), "lr: 0.2   # rate"), ("train.epochs", .integer(5), "{epochs: 5, name: 'it''s'"),
        ("train.name", .string("x"), "name: \"x\", deep"), ("train.deep", JSON.array([3]), "deep: [3]}"),
        ("model.layers[1].size", .integer(7), "- size: 7 # last"), ("model.layers.0.size", .integer(6), "- size: 6\n"),
        ("model.empty", .integer(1), "empty: 1\n"),
        ("list", JSON.array([]), "list: []\n"),
    ])
    func `one value changes and nothing else`(key: String, value: JSON, expected: String) throws {
        let out = try ParamEdit.set(key, to: value, in: Array(ParamEditTests.yaml.utf8), name: "p.yaml")
        let text = String(decoding: out, as: UTF8.self)
        #expect(text.contains(expected), "\(text)")
        #expect(Params.lookup(key, in: try Params.load(out, name: "p.yaml")) == value)
        // Setting the old value again gives the same meaning as before.
        let old = try #require(Params.lookup(key, in: try Params.load(Array(ParamEditTests.yaml.utf8), name: "p.yaml")))
        if old != .null {
            let back = try ParamEdit.set(key, to: old, in: out, name: "p.yaml")
            #expect(
                try Params.load(back, name: "p.yaml") == Params.load(Array(ParamEditTests.yaml.utf8), name: "p.yaml"))
        }
    }

    @Test func `missing keys are refused or added`() throws {
        let bytes = Array(ParamEditTests.yaml.utf8)
        #expect(throws: MLError.self) { try ParamEdit.set("rate", to: 1, in: bytes, name: "p.yaml") }
        let added = try ParamEdit.set("model.width", to: 4, in: bytes, name: "p.yaml", mayAdd: true)
        #expect(Params.lookup("model.width", in: try Params.load(added, name: "p.yaml")) == 4)
        #expect(Params.lookup("list", in: try Params.load(added, name: "p.yaml")) == [1, 2])
        let dotted = try ParamEdit.set("model.a.b", to: true, in: bytes, name: "p.yaml")
        #expect(String(decoding: dotted, as: UTF8.self).contains("\"a.b\": true\n"))
        let top = try ParamEdit.set("seed", to: 1, in: Array("a: 1\n".utf8), name: "p.yaml", mayAdd: true)
        #expect(String(decoding: top, as: UTF8.self) == "a: 1\nseed: 1\n")
        #expect(throws: MLError.self) { try ParamEdit.set("model", to: 1, in: bytes, name: "p.yaml") }
    }

    @Test func `JSON, TOML and Python keep their form`() throws {
        func edit(_ key: String, _ value: JSON, _ text: String, _ name: String) throws -> String {
            String(decoding: try ParamEdit.set(key, to: value, in: Array(text.utf8), name: name), as: UTF8.self)
        }
        #expect(try edit("a.b", 2, "{\n  \"a\": {\"b\": 1}\n}\n", "p.json") == "{\n  \"a\": {\"b\": 2}\n}\n")
        #expect(try edit("t.lr", 0.5, "lr = 1\n[t]\nlr = 0.1 # x\n", "p.toml") == "lr = 1\n[t]\nlr = 0.5  # x\n")
        #expect(try edit("FLAG", true, "FLAG = False\nx = 1\n", "p.py") == "FLAG = True\nx = 1\n")
        #expect(
            try edit("Conf.lr", 2, "class Conf:\n    lr = 1\nlr = 9\n", "p.py") == "class Conf:\n    lr = 2\nlr = 9\n")
    }
}
