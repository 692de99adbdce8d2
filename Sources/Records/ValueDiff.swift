import Base

/// The difference between two sets of params or metrics, in DVC's shape.
public struct ValueDiff: Hashable, Sendable {
    /// One key of one file.
    public struct Row: Hashable, Sendable {
        public var file: String
        public var key: String
        /// nil when the key is not there.
        public var old: JSON?
        public var new: JSON?

        /// New minus old; nil unless both are numbers, or both booleans.
        public var change: JSON? {
            switch (old, new) {
            case (.integer(let a)?, .integer(let b)?):
                let (value, overflow) = b.subtractingReportingOverflow(a)
                return overflow ? .number(Double(b) - Double(a)) : .integer(value)
            // As in Python, true is 1.
            case (.bool(let a)?, .bool(let b)?): return .integer((b ? 1 : 0) - (a ? 1 : 0))
            case (let a?, let b?):
                guard let a = a.doubleValue, let b = b.doubleValue else { return nil }
                return .number(b - a)
            default: return nil
            }
        }
    }

    /// Sorted by file and key.
    public var rows: [Row]

    /// Compares.
    ///
    /// - Parameters:
    ///   - old, new: `{file: {key: value}}`, flattened.
    ///   - includesEqual: unchanged keys too (`--all`).
    public init(old: JSONObject, new: JSONObject, includesEqual: Bool = false) {
        rows = []
        for file in ValueDiff.sorted(old.keys, new.keys) {
            let before = old[file]?.objectValue ?? [:]
            let after = new[file]?.objectValue ?? [:]
            for key in ValueDiff.sorted(before.keys, after.keys) {
                let row = Row(file: file, key: key, old: before[key], new: after[key])
                if includesEqual || !ValueDiff.isEqual(row.old, row.new) { rows.append(row) }
            }
        }
    }

    /// `{file: {key: {old, new, diff}}}`; what is missing is null, lists are text, `diff` only for two numbers.
    public var json: JSON {
        var files = JSONObject()
        for row in rows {
            var file = files[row.file]?.objectValue ?? [:]
            var entry: JSONObject = ["old": ValueDiff.shown(row.old), "new": ValueDiff.shown(row.new)]
            if let change = row.change { entry["diff"] = change }
            file[row.key] = .object(entry)
            files[row.file] = .object(file)
        }
        return .object(files)
    }

    private static func shown(_ value: JSON?) -> JSON {
        if let value, case .array = value { return .string(PythonText.spell(value)) }
        return value ?? .null
    }

    /// 1 and 1.0 are the same value; a key that is missing differs from one that is null.
    private static func isEqual(_ a: JSON?, _ b: JSON?) -> Bool {
        if a == b { return true }
        guard let a = a?.doubleValue, let b = b?.doubleValue else { return false }
        return a == b
    }

    private static func sorted(_ a: [String], _ b: [String]) -> [String] {
        Set(a).union(b).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
