/// The candidate closest to a mistyped word (Damerau–Levenshtein distance), if one is close enough to be meant.
public func nearest(_ word: String, in candidates: [String]) -> String? {
    let limit = max(2, word.count / 3)
    let scored = candidates.map { ($0, editDistance(Array(word), Array($0))) }
    return scored.filter { $0.1 <= limit && $0.1 < word.count }.min { $0.1 < $1.1 }?.0
}

private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var rows = [Array(0...b.count)]
    for i in 1...max(a.count, 1) where !a.isEmpty {
        var row = [i]
        for j in 1...max(b.count, 1) where !b.isEmpty {
            var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[a.count][b.count]
}
