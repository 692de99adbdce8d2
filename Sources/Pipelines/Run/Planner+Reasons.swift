import Base

extension Planner {
    /// Why no record fits: compared with a record of the same key (then the outputs differ), else with the newest one.
    func reasons(
        _ stage: Stage, _ inputs: StageInputs, _ key: ObjectID?, _ outputs: [String: ObjectID?], _ sameKey: RunRecord?
    ) throws -> [Reason] {
        guard let record = try sameKey ?? lookup.latestRecord(stage: stage.address) else { return [.neverRun] }
        var reasons: [Reason] = []
        if record.key != key {
            if record.commands != stage.commands { reasons.append(.changedCommand) }
            if record.directory != stage.directory { reasons.append(.changedDirectory) }
            reasons += Planner.changedDependencies(record, inputs) + Planner.changedParams(record, inputs)
            let names = Set(record.environment.keys + inputs.environment.keys)
            for name in names.sorted() where record.environment[name] != inputs.environment[name] {
                reasons.append(.changedVariable(name))
            }
            if Set(record.outputs.map(\.path)) != Set(stage.outputs.map(\.path)) { reasons.append(.changedOutputList) }
        }
        let old = Dictionary(record.outputs.map { ($0.path, $0.id) }) { first, _ in first }
        for output in stage.outputs {
            guard case .some(.some(let current)) = outputs[output.path] else {
                reasons.append(.missingOutput(output.path))
                continue
            }
            if let id = old[output.path], id != current { reasons.append(.modifiedOutput(output.path)) }
        }
        return reasons
    }

    private static func changedDependencies(_ record: RunRecord, _ inputs: StageInputs) -> [Reason] {
        let old = Dictionary(record.dependencies.map { ($0.path, $0.id) }) { first, _ in first }
        var reasons: [Reason] = inputs.dependencies.compactMap { dependency in
            guard let id = dependency.id else { return .changedDependency(path: dependency.path, .deleted) }
            guard let before = old[dependency.path] else { return .changedDependency(path: dependency.path, .new) }
            return before == id ? nil : .changedDependency(path: dependency.path, .modified)
        }
        let now = Set(inputs.dependencies.map(\.path))
        reasons += record.dependencies.filter { !now.contains($0.path) }.map {
            .changedDependency(path: $0.path, .deleted)
        }
        return reasons
    }

    private static func changedParams(_ record: RunRecord, _ inputs: StageInputs) -> [Reason] {
        struct Name: Hashable {
            var file: String
            var key: String
        }
        let old = Dictionary(record.params.map { (Name(file: $0.file, key: $0.key), $0.value) }) { first, _ in first }
        var reasons: [Reason] = inputs.params.compactMap { param in
            guard let before = old[Name(file: param.file, key: param.key)] else {
                return .changedParam(file: param.file, key: param.key, .new)
            }
            let isSame = before.compact(sortedKeys: true) == param.value.compact(sortedKeys: true)
            return isSame ? nil : .changedParam(file: param.file, key: param.key, .modified)
        }
        let now = Set(inputs.params.map { Name(file: $0.file, key: $0.key) })
        reasons += record.params.filter { !now.contains(Name(file: $0.file, key: $0.key)) }
            .map { .changedParam(file: $0.file, key: $0.key, .deleted) }
        return reasons
    }
}
