/// Which columns of two versions of a CSV or TSV file belong together: by name, then by their values.
struct ColumnMatch {
    /// Names in the order of their version.
    var added: [String]
    var removed: [String]
    var renamed: [TableDiff.Renamed] = []
    /// Places of the columns both versions have, renamed ones included; the same position, the same column.
    var oldPlaces: [Int] = []
    var newPlaces: [Int] = []

    /// A column was renamed when at least this share of the rows has the same value in it as before.
    private static let threshold = 0.9
    /// More columns than these that came and went are not tried against each other.
    private static let maximumTried = 16

    init(
        _ old: ContentSource, _ new: ContentSource, _ kind: ContentKind, _ before: TableHeader, _ after: TableHeader
    ) throws {
        added = after.columns.filter { !before.columns.contains($0) }
        removed = before.columns.filter { !after.columns.contains($0) }
        for (place, name) in before.columns.enumerated() {
            guard let other = after.columns.firstIndex(of: name) else { continue }
            oldPlaces.append(place)
            newPlaces.append(other)
        }
        guard !added.isEmpty, !removed.isEmpty, added.count + removed.count <= ColumnMatch.maximumTried else { return }
        let gone = removed.compactMap { before.columns.firstIndex(of: $0) }
        let came = added.compactMap { after.columns.firstIndex(of: $0) }
        let oldValues = try ColumnMatch.values(old, kind, common: oldPlaces, gone)
        let newValues = try ColumnMatch.values(new, kind, common: newPlaces, came)
        var free = Set(came.indices)
        for (slot, place) in gone.enumerated() {
            // The column at the same place is the likeliest.
            let order = free.sorted { (came[$0] != place ? 1 : 0, $0) < (came[$1] != place ? 1 : 0, $1) }
            guard let match = order.first(where: { ColumnMatch.isSame(oldValues[slot], newValues[$0]) }) else {
                continue
            }
            free.remove(match)
            oldPlaces.append(place)
            newPlaces.append(came[match])
            renamed.append(TableDiff.Renamed(old: before.columns[place], new: after.columns[came[match]]))
        }
        added.removeAll { name in renamed.contains { $0.new == name } }
        removed.removeAll { name in renamed.contains { $0.old == name } }
        // In the order of the old version, so that a rename is no new order.
        let pairs = zip(oldPlaces, newPlaces).sorted { $0.0 < $1.0 }
        oldPlaces = pairs.map(\.0)
        newPlaces = pairs.map(\.1)
    }

    private static func isSame(_ old: [RowHash], _ new: [RowHash]) -> Bool {
        let changes = RowChanges(old: old, new: new)
        let kept = old.count - changes.removed - changes.changed
        return kept > 0 && Double(kept) >= threshold * Double(min(old.count, new.count))
    }

    /// For each of some columns, a hash of each row's value in it together with the row's common values.
    private static func values(
        _ source: ContentSource, _ kind: ContentKind, common: [Int], _ columns: [Int]
    ) throws -> [[RowHash]] {
        var hashes = [[RowHash]](repeating: [], count: columns.count)
        var number = 0
        try source.forEachRow(kind) { reader, row in
            number += 1
            if number == 1 { return }
            let rest = reader.hash(row, columns: common)
            let fields = reader.fields(row)
            for (slot, column) in columns.enumerated() {
                let value = RowHash(column < fields.count ? fields[column] : [])
                hashes[slot].append(withUnsafeBytes(of: (rest.high, rest.low, value.high, value.low)) { RowHash($0) })
            }
        }
        return hashes
    }
}
