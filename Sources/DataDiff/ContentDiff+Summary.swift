import Base

extension ContentDiff {
    /// Lines for people: one for what changed in the whole, one for each of the first tensors that changed.
    public func summary(tensors limit: Int = 8) -> [String] {
        switch detail {
        case .table(let table): [table.summary]
        case .lines(let lines): ["lines " + (lines.text ?? "equal but for white space")]
        case .tensors(let tensors): tensors.summary(limit)
        case .array(let old, let new):
            [
                old == new
                    ? "\(new.description), values changed" + shareText
                    : "\(old.description) -> \(new.description)"
            ]
        case .members(let members): members.summary(limit)
        case .none: [kind.rawValue + (sharedBytes == nil ? " content changed" : shareText)]
        }
    }

    private var shareText: String {
        guard let sharedBytes, newSize > 0 else { return "" }
        let share = Significant.text(Double(sharedBytes) / Double(newSize) * 100, digits: 3)
        return ", \(share)% in chunks of the old version"
    }

    /// The JSON form: `kind`, and what that kind has.
    public var json: JSON {
        var object: JSONObject = ["kind": .string(kind.rawValue)]
        switch detail {
        case .table(let table):
            object["rows"] = table.rows.json
            object["columns"] = [
                "added": JSON(table.columnsAdded), "removed": JSON(table.columnsRemoved),
                "renamed": .array(table.columnsRenamed.map { ["old": .string($0.old), "new": .string($0.new)] }),
                "reordered": .bool(table.isColumnOrderChanged),
            ]
        case .lines(let lines): object["lines"] = lines.json
        case .tensors(let tensors): object["tensors"] = tensors.json
        case .array(let old, let new): object["array"] = ["old": old.json, "new": new.json]
        case .members(let members): object["members"] = members.json
        case .none: break
        }
        if let sharedBytes { object["shared_bytes"] = .integer(sharedBytes) }
        return .object(object)
    }
}

extension RowChanges {
    /// `+120 -3 ~2`; nil when nothing changed.
    var text: String? {
        var parts: [String] = []
        if added > 0 || removed > 0 || changed > 0 { parts.append("+\(added) -\(removed)") }
        if changed > 0 { parts[0] += " ~\(changed)" }
        if isReordered { parts.append("reordered") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    var json: JSON {
        [
            "old": JSON(before), "new": JSON(after), "added": JSON(added), "removed": JSON(removed),
            "changed": JSON(changed), "reordered": .bool(isReordered),
        ]
    }
}

extension TableDiff {
    var summary: String {
        var columns =
            columnsAdded.map { "+\($0)" } + columnsRemoved.map { "-\($0)" }
            + columnsRenamed.map { "\($0.old) -> \($0.new)" }
        if isColumnOrderChanged { columns.append("reordered") }
        let parts = [
            rows.text.map { "rows " + $0 }, columns.isEmpty ? nil : "columns " + columns.joined(separator: " "),
        ]
        let said = parts.compactMap { $0 }
        return said.isEmpty ? "rows equal but for quotes, space or line ends" : said.joined(separator: ", ")
    }
}

extension MemberDiff {
    func summary(_ limit: Int) -> [String] {
        let marked = added.map { "+ \($0)" } + removed.map { "- \($0)" } + changed.map { "~ \($0)" }
        var lines = ["members +\(added.count) -\(removed.count) ~\(changed.count), \(unchanged) unchanged"]
        lines += marked.prefix(limit).map { "  " + $0 }
        if marked.count > limit { lines.append("  … and \(marked.count - limit) more (--json names all)") }
        return lines
    }

    var json: JSON {
        [
            "added": JSON(added), "removed": JSON(removed), "changed": JSON(changed), "unchanged": JSON(unchanged),
        ]
    }
}

extension TensorDiff {
    func summary(_ limit: Int) -> [String] {
        var head = "tensors +\(added.count) -\(removed.count) ~\(changed.count), \(unchanged) unchanged"
        if isMetadataChanged { head += ", metadata changed" }
        var lines: [String] = []
        lines += added.prefix(limit).map { "+ \($0)" } + removed.prefix(limit).map { "- \($0)" }
        lines += changed.prefix(limit).map { tensor in
            if !tensor.isOnlyValues { return "~ \(tensor.name): \(tensor.old) -> \(tensor.new)" }
            let largest = tensor.maximumDifference.map { ", largest difference \(TensorDiff.short($0))" } ?? ""
            return "~ \(tensor.name) \(tensor.new)" + largest
        }
        let hidden = max(0, added.count - limit) + max(0, removed.count - limit) + max(0, changed.count - limit)
        if hidden > 0 { lines.append("… and \(hidden) more (--json names all)") }
        return [head] + lines.map { "  " + $0 }
    }

    var json: JSON {
        [
            "added": JSON(added), "removed": JSON(removed),
            "changed": .array(
                changed.map {
                    [
                        "name": .string($0.name), "old": .string($0.old), "new": .string($0.new),
                        "max_difference": $0.maximumDifference.map { JSON($0) } ?? .null,
                    ]
                }), "unchanged": JSON(unchanged), "metadata_changed": .bool(isMetadataChanged),
        ]
    }

    /// Three significant digits.
    static func short(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
        return Significant.text(value, digits: 3)
    }
}

extension NPYHeader {
    var json: JSON {
        ["dtype": .string(dtype), "shape": .array(shape.map { JSON($0) }), "fortran_order": .bool(isFortranOrder)]
    }
}
