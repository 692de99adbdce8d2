import Base

/// A commit with what was measured on it.
public struct HistoryEntry: Hashable, Sendable {
    public var commit: String
    public var tree: String
    public var subject: String
    public var author: String
    public var date: Timestamp
    /// Short names of branches and tags that point here.
    public var refs: [String]
    /// Seconds all runs behind the commit took together; nil when there are none.
    public var duration: Double?
    /// By joined name (`MetricNames.joined`).
    public var metrics: JSONObject
    public var params: JSONObject

    public init(
        commit: String, tree: String, subject: String, author: String = "", date: Timestamp, refs: [String] = [],
        duration: Double? = nil, metrics: JSONObject, params: JSONObject
    ) {
        self.commit = commit
        self.tree = tree
        self.subject = subject
        self.author = author
        self.date = date
        self.refs = refs
        self.duration = duration
        self.metrics = metrics
        self.params = params
    }

    /// The value a name stands for: a metric, a param, `duration`, `author`, `subject`, `commit`; or the one metric, else
    /// the one param, whose name ends in it behind a `.` or `:`. nil when there is none or the name is ambiguous.
    public func value(_ name: String) -> JSON? {
        if let value = metrics[name] ?? params[name] { return value }
        switch name {
        case "duration": return duration.map { .number($0) }
        case "author": return .string(author)
        case "subject": return .string(subject)
        case "commit": return .string(commit)
        default: break
        }
        for values in [metrics, params] {
            let found = values.keys.filter { $0.hasSuffix("." + name) || $0.hasSuffix(":" + name) }
            if found.count == 1 { return values[found[0]] }
            if found.count > 1 { return nil }
        }
        return nil
    }

    /// `{commit, tree, subject, author, date, refs, duration, metrics, params}`
    public var json: JSON {
        [
            "commit": .string(commit), "tree": .string(tree), "subject": .string(subject), "author": .string(author),
            "date": .string(date.description), "refs": JSON(refs), "duration": duration.map { .number($0) } ?? .null,
            "metrics": .object(metrics), "params": .object(params),
        ]
    }
}

/// The experiment table: one row a commit, one column a metric or param.
public struct HistoryTable: Hashable, Sendable {
    public var entries: [HistoryEntry]
    /// Every metric of any entry, in the order they first appear.
    public var metricColumns: [String]
    /// Params that are not the same in all entries, in the order they first appear.
    public var paramColumns: [String]

    /// - Parameter onlyChanged: leave out metrics that are the same in all entries too.
    public init(_ entries: [HistoryEntry], onlyChanged: Bool = false) {
        self.entries = entries
        let metrics = HistoryTable.columns(entries.map(\.metrics))
        metricColumns = metrics.filter { !onlyChanged || HistoryTable.varies($0, entries.map(\.metrics)) }
        paramColumns = HistoryTable.columns(entries.map(\.params)).filter {
            HistoryTable.varies($0, entries.map(\.params))
        }
    }

    /// The entry with the largest or smallest value of a metric; of equal ones the first. nil when none has it.
    public func best(_ metric: String, wantsMaximum: Bool) -> HistoryEntry? {
        var best: (value: Double, entry: HistoryEntry)?
        for entry in entries {
            guard let value = entry.value(metric)?.doubleValue, !value.isNaN else { continue }
            guard let old = best else {
                best = (value, entry)
                continue
            }
            if wantsMaximum ? value > old.value : value < old.value { best = (value, entry) }
        }
        return best?.entry
    }

    /// Entries ordered by a metric or param, numbers before texts before what is missing; equal ones keep their order.
    public func sorted(by name: String, descending: Bool = false) -> [HistoryEntry] {
        func value(_ entry: HistoryEntry) -> JSON? { entry.value(name) }
        func rank(_ value: JSON?) -> Int { value?.doubleValue != nil ? 0 : value?.stringValue != nil ? 1 : 2 }
        return entries.enumerated().sorted { a, b in
            let (x, y) = (value(a.element), value(b.element))
            if rank(x) != rank(y) { return rank(x) < rank(y) }
            if let p = x?.doubleValue, let q = y?.doubleValue, p != q { return descending ? p > q : p < q }
            if let p = x?.stringValue, let q = y?.stringValue, p != q { return descending ? p > q : p < q }
            return a.offset < b.offset
        }.map(\.element)
    }

    private static func columns(_ objects: [JSONObject]) -> [String] {
        var seen: Set<String> = []
        return objects.flatMap(\.keys).filter { seen.insert($0).inserted }
    }

    private static func varies(_ key: String, _ objects: [JSONObject]) -> Bool {
        Set(objects.map { $0[key] }).count > 1
    }
}

/// Thresholds a metric must meet: `git mlrun check`.
public struct MetricCheck: Hashable, Sendable {
    public var minimum: Double?
    public var maximum: Double?
    /// Compared with the base revision.
    public var maximumDecrease: Double?
    public var maximumIncrease: Double?

    public init(
        minimum: Double? = nil, maximum: Double? = nil, maximumDecrease: Double? = nil, maximumIncrease: Double? = nil
    ) {
        self.minimum = minimum
        self.maximum = maximum
        self.maximumDecrease = maximumDecrease
        self.maximumIncrease = maximumIncrease
    }

    /// What is not met, in words; empty when all is well. A metric that is missing or NaN never passes.
    ///
    /// - Parameter base: the value at the base revision, needed for the two differences.
    public func violations(_ metric: String, value: Double?, base: Double?) -> [String] {
        guard let value, !value.isNaN else { return ["'\(metric)' is missing"] }
        var result: [String] = []
        if let minimum, value < minimum { result.append("'\(metric)' is \(value), less than \(minimum)") }
        if let maximum, value > maximum { result.append("'\(metric)' is \(value), more than \(maximum)") }
        if maximumDecrease != nil || maximumIncrease != nil {
            guard let base, !base.isNaN else { return result + ["'\(metric)' is missing in the base revision"] }
            // 0.9 - 0.89 is a little more than 0.01: rounding of the subtraction is no regression.
            let slack = 4 * max(abs(base), abs(value)).ulp
            if let limit = maximumDecrease, base - value > limit + slack {
                result.append("'\(metric)' fell from \(base) to \(value), by more than \(limit)")
            }
            if let limit = maximumIncrease, value - base > limit + slack {
                result.append("'\(metric)' rose from \(base) to \(value), by more than \(limit)")
            }
        }
        return result
    }
}
