import Base

/// Runs that have the same params but for the seed, taken together.
public struct SeedGroups: Sendable {
    public struct Group: Sendable {
        /// Params without the seed.
        public var params: JSONObject
        public var count: Int
        public var metrics: [String: SeedStatistics]
    }

    /// In the order their first runs come.
    public var groups: [Group]
    /// Params that are not the same in all groups.
    public var params: [String]
    /// Metrics that are numbers.
    public var metrics: [String]

    /// - Parameter seed: the param that holds the seed.
    public init(_ entries: [HistoryEntry], seed: String) {
        var order: [String] = []
        var members: [String: [HistoryEntry]] = [:]
        for entry in entries {
            var params = entry.params
            params[seed] = nil
            let key = JSON.object(params).compact(sortedKeys: true)
            if members[key] == nil { order.append(key) }
            members[key, default: []].append(entry)
        }
        var names: [String] = []
        groups = order.compactMap { key in
            guard let entries = members[key], var params = entries.first?.params else { return nil }
            params[seed] = nil
            var metrics: [String: SeedStatistics] = [:]
            for name in Set(entries.flatMap(\.metrics.keys)) {
                metrics[name] = SeedStatistics(entries.compactMap { $0.metrics[name]?.doubleValue })
            }
            for name in entries.flatMap(\.metrics.keys) where metrics[name] != nil && !names.contains(name) {
                names.append(name)
            }
            return Group(params: params, count: entries.count, metrics: metrics)
        }
        metrics = names
        var keys: [String] = []
        for key in groups.flatMap(\.params.keys) where !keys.contains(key) { keys.append(key) }
        let all = groups
        params = keys.filter { key in Set(all.map { $0.params[key] }).count > 1 }
    }

    /// `[{params, count, metrics: {name: {count, mean, std, margin}}}]`
    public var json: JSON {
        .array(
            groups.map { group in
                [
                    "params": .object(group.params), "count": JSON(group.count),
                    "metrics": .object(
                        JSONObject(metrics.compactMap { name in group.metrics[name].map { (name, $0.json) } })),
                ]
            })
    }
}
