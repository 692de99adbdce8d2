import Base

/// The name of what a stage is going to do: equal keys, equal inputs. See `Documentation/formats/stage-key.md`.
public enum StageKey {
    /// Part of every key, so that a change of the rules cannot reuse old records.
    public static let formatVersion = 1

    /// The key; nil while a dependency does not exist.
    ///
    /// Left out on purpose: the stage's name, `desc`, `meta`, `frozen`, `always_changed` and the flags of outputs,
    /// except `persist`, since a persistent output is also an input.
    public static func of(_ stage: Stage, _ inputs: StageInputs) -> ObjectID? {
        guard let text = canonicalText(stage, inputs) else { return nil }
        return ObjectID.of(text)
    }

    /// The text that is hashed.
    public static func canonicalText(_ stage: Stage, _ inputs: StageInputs) -> String? {
        guard inputs.missing.isEmpty else { return nil }
        let dependencies = inputs.dependencies.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let outputs = stage.outputs.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let environment = inputs.environment.pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let value: JSON = [
            "cmd": JSON(stage.commands),
            "deps": .array(dependencies.map { [.string($0.path), .string($0.id?.hex ?? "")] }),
            "env": .array(environment.map { [.string($0.key), $0.value] }),
            "outs": .array(outputs.map { [.string($0.path), .array($0.isPersistent ? ["persist"] : [])] }),
            "params": .array(inputs.params.map { [.string($0.file), .string($0.key), finite($0.value)] }),
            "v": JSON(formatVersion),
            "wdir": .string(stage.directory),
        ]
        return value.compact(sortedKeys: true)
    }

    /// JSON has no infinity and no NaN: they enter the key as YAML spells them.
    private static func finite(_ value: JSON) -> JSON {
        switch value {
        case .number(let number) where !number.isFinite: .string(number.isNaN ? ".nan" : number < 0 ? "-.inf" : ".inf")
        case .array(let items): .array(items.map(finite))
        case .object(let object): .object(JSONObject(object.pairs.map { ($0.key, finite($0.value)) }))
        default: value
        }
    }
}
