import Base
import Pipelines

/// Where claims look for records.
public protocol RecordIndex: Sendable {
    /// Records with this key, newest first.
    func records(forKey key: ObjectID) throws -> [RunRecord]

    /// All records of a stage, newest first.
    func records(stage address: String) throws -> [RunRecord]
}

/// A stage of a commit with the run that made what the commit holds.
public struct Claim: Hashable, Sendable {
    public var stage: Stage
    public var record: RunRecord
}

/// Finds the runs behind a tree by content alone, so that amended, rebased, squashed and cherry-picked commits keep their
/// metrics.
public enum Claims {
    /// For each stage the newest record whose key is that of the tree's inputs and whose outputs are those of the tree.
    ///
    /// An output that is not in the tree is passed over if another one is there and equal. A dependency that is not in
    /// the tree (it was not committed) and the values of declared environment variables are taken from the record: its
    /// key must come out from them. Anything that differs means no claim; so does a param that is gone.
    public static func find(
        _ stages: [Stage], content: any ContentSource, index: any RecordIndex
    ) throws -> [Claim] {
        let params = ParamReader(content: content)
        return try stages.compactMap { stage in
            try find(stage, content: content, params: params, index: index).map { Claim(stage: stage, record: $0) }
        }
    }

    private static func find(
        _ stage: Stage, content: any ContentSource, params: ParamReader, index: any RecordIndex
    ) throws -> RunRecord? {
        let inputs: StageInputs
        do {
            inputs = try StageInputs(of: stage, content: content, params: params) { _ in nil }
        } catch let error as MLError where error.code == .notFound {
            return nil
        }
        let needsRecord = !inputs.missing.isEmpty || !stage.settings.environment.isEmpty
        let candidates: [RunRecord]
        if needsRecord {
            candidates = try index.records(stage: stage.address)
                .filter { StageKey.of(stage, completed(inputs, from: $0)) == $0.key }
        } else {
            guard let key = StageKey.of(stage, inputs) else { return nil }
            candidates = try index.records(forKey: key)
        }
        if candidates.isEmpty { return nil }
        var outputs: [String: ObjectID] = [:]
        for output in stage.outputs { outputs[output.path] = try content.id(of: output.path) }
        return candidates.first { matches($0, stage, outputs) }
    }

    private static func completed(_ inputs: StageInputs, from record: RunRecord) -> StageInputs {
        var inputs = inputs
        let recorded = Dictionary(record.dependencies.map { ($0.path, $0.id) }) { first, _ in first }
        for index in inputs.dependencies.indices where inputs.dependencies[index].id == nil {
            inputs.dependencies[index].id = recorded[inputs.dependencies[index].path]
        }
        for name in inputs.environment.keys { inputs.environment[name] = record.environment[name] ?? .null }
        return inputs
    }

    private static func matches(_ record: RunRecord, _ stage: Stage, _ outputs: [String: ObjectID]) -> Bool {
        guard Set(record.outputs.map(\.path)) == Set(stage.outputs.map(\.path)) else { return false }
        let present = record.outputs.filter { outputs[$0.path] != nil }
        if present.isEmpty { return stage.outputs.isEmpty }
        return present.allSatisfy { outputs[$0.path] == $0.id }
    }
}
