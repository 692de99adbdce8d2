import Base
import Pipelines
import Testing

struct StageKeyTests {
    static let stage = Stage(
        name: "train", commands: ["python train.py", "echo \"é\"\n"], directory: "work", dependencies: ["z", "a/b"],
        outputs: [Output(path: "model", isPersistent: true), Output(path: "m.json", kind: .metric, isCached: false)])
    static let inputs = StageInputs(
        dependencies: [.init(path: "z", id: ObjectID.of("z")), .init(path: "a/b", id: ObjectID.of("b"))],
        params: [
            ParamValue(file: "params.yaml", key: "lr", value: 1e-5),
            ParamValue(file: "params.yaml", key: "opt", value: ["b": [1, true, nil], "a": .number(.infinity)]),
        ], environment: ["SEED": "1", "CUDA": .null])

    /// The value is recomputed by the Python lines in `Documentation/formats/stage-key.md`.
    @Test func `The key is that of the documented text`() throws {
        let text = try #require(StageKey.canonicalText(StageKeyTests.stage, StageKeyTests.inputs))
        #expect(
            text == #"{"cmd": ["python train.py", "echo \"é\"\n"], "deps": [["a/b", ""#
                + #"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"], ["z", ""#
                + #"594e519ae499312b29433b7dd8a97ff068defcba9755b6d5d00e84c524d67b06"]], "env": [["CUDA", null], ["#
                + #""SEED", "1"]], "outs": [["m.json", []], ["model", ["persist"]]], "params": [["params.yaml", "lr", "#
                + #"1e-05], ["params.yaml", "opt", {"a": ".inf", "b": [1, true, null]}]], "v": 1, "wdir": "work"}"#)
        #expect(
            StageKey.of(StageKeyTests.stage, StageKeyTests.inputs)?.hex
                == "dae6ad03e5c7904b1665faef6f182a572a57c7c5fec63a33cc42850410e099d7")
    }

    @Test func `Everything that matters changes the key, and nothing else does`() throws {
        let key = StageKey.of(StageKeyTests.stage, StageKeyTests.inputs)
        func changed(_ edit: (inout Stage, inout StageInputs) -> Void) -> Bool {
            var (stage, inputs) = (StageKeyTests.stage, StageKeyTests.inputs)
            edit(&stage, &inputs)
            return StageKey.of(stage, inputs) != key
        }
        #expect(changed { stage, _ in stage.commands[0] += " " })
        #expect(changed { stage, _ in stage.commands.swapAt(0, 1) })
        #expect(changed { stage, _ in stage.directory = "." })
        #expect(changed { stage, _ in stage.outputs[0].path = "other" })
        #expect(changed { stage, _ in stage.outputs[0].isPersistent = false })
        #expect(changed { _, inputs in inputs.dependencies[0].id = ObjectID.of("y") })
        #expect(changed { _, inputs in inputs.dependencies[0].path = "y" })
        #expect(changed { _, inputs in inputs.params[0].value = 1 })
        #expect(changed { _, inputs in inputs.environment["CUDA"] = "" })
        #expect(!changed { stage, _ in stage.name = "other" })
        #expect(!changed { stage, _ in stage.summary = "words" })
        #expect(!changed { stage, _ in stage.meta = ["a": 1] })
        #expect(!changed { stage, _ in stage.outputs[1].isCached = true })
        #expect(!changed { stage, _ in stage.outputs[0].isPushed = false })
        #expect(!changed { stage, _ in stage.outputs.reverse() })
        #expect(!changed { _, inputs in inputs.dependencies.reverse() })
    }

    @Test func `A missing dependency leaves no key`() {
        var inputs = StageKeyTests.inputs
        inputs.dependencies[0].id = nil
        #expect(StageKey.of(StageKeyTests.stage, inputs) == nil)
        #expect(inputs.missing == ["z"])
    }
}
