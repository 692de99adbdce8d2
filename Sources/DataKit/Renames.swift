import Base
import ObjectStore

/// Finds files that were moved: the same content under another path, then contents that share enough chunks.
struct Renames {
    let store: ObjectStore

    /// Turns pairs of a deleted and an added file into one renamed file. Exact pairs come first; of several candidates the
    /// most similar one is taken, then the first by path.
    func join(_ entries: inout [DataComparison.Entry]) throws {
        let deleted = entries.filter { $0.state == .deleted && ($0.old?.size ?? 0) > 0 }.sorted { $0.path < $1.path }
        let added = entries.filter { $0.state == .added && ($0.new?.size ?? 0) > 0 }.sorted { $0.path < $1.path }
        if deleted.isEmpty || added.isEmpty { return }
        var exact = ExactSources(deleted)
        var found: [DataComparison.Entry] = []
        var rest: [DataComparison.Entry] = []
        for target in added {
            if let source = exact.take(for: target) {
                found.append(renamed(source, target, 1))
            } else {
                rest.append(target)
            }
        }
        for pair in try similar(exact.left, rest) { found.append(renamed(pair.source, pair.target, pair.similarity)) }
        if found.isEmpty { return }
        let gone = Set(found.compactMap { $0.old?.path })
        let come = Set(found.map(\.path))
        entries.removeAll {
            ($0.state == .deleted && gone.contains($0.path)) || ($0.state == .added && come.contains($0.path))
        }
        entries += found
    }

    /// Deleted files by content; each can become one renamed file.
    private struct ExactSources {
        private var byContent: [ObjectID: [DataComparison.Entry]] = [:]

        init(_ deleted: [DataComparison.Entry]) {
            // Backwards, so that the first by path is the last of its list.
            for entry in deleted.reversed() {
                if let oid = entry.old?.oid { byContent[oid, default: []].append(entry) }
            }
        }

        /// One of the same content, of the same name if there is one.
        mutating func take(for target: DataComparison.Entry) -> DataComparison.Entry? {
            guard let oid = target.new?.oid, let list = byContent[oid], !list.isEmpty else { return nil }
            let name = Files.lastComponent(of: target.path)
            let place = list.lastIndex { Files.lastComponent(of: $0.path) == name } ?? list.count - 1
            return byContent[oid]?.remove(at: place)
        }

        /// What was not taken, by path.
        var left: [DataComparison.Entry] { byContent.values.joined().sorted { $0.path < $1.path } }
    }

    private struct Candidate {
        var source: DataComparison.Entry
        var target: DataComparison.Entry
        var similarity: Double
    }

    private func similar(
        _ sources: [DataComparison.Entry], _ targets: [DataComparison.Entry]
    ) throws -> [Candidate] {
        var owners: [ObjectID: [Int]] = [:]
        for (index, source) in sources.enumerated() {
            guard let oid = source.old?.oid, let recipe = try store.recipe(oid) else { continue }
            for id in Set(recipe.parts.map(\.id)) { owners[id, default: []].append(index) }
        }
        var candidates: [Candidate] = []
        for target in targets {
            guard let new = target.new, let recipe = try store.recipe(new.oid) else { continue }
            var shared: [Int: Int64] = [:]
            for part in recipe.parts {
                for owner in owners[part.id] ?? [] { shared[owner, default: 0] += Int64(part.length) }
            }
            for (owner, bytes) in shared {
                let longer = max(new.size, sources[owner].old?.size ?? 0)
                let similarity = min(1, Double(bytes) / Double(longer))
                if similarity >= DataComparison.renameThreshold {
                    candidates.append(Candidate(source: sources[owner], target: target, similarity: similarity))
                }
            }
        }
        candidates.sort {
            if $0.similarity != $1.similarity { return $0.similarity > $1.similarity }
            return ($0.target.path, $0.source.path) < ($1.target.path, $1.source.path)
        }
        var usedSources: Set<String> = []
        var usedTargets: Set<String> = []
        return candidates.filter { candidate in
            guard !usedSources.contains(candidate.source.path), !usedTargets.contains(candidate.target.path) else {
                return false
            }
            usedSources.insert(candidate.source.path)
            usedTargets.insert(candidate.target.path)
            return true
        }
    }

    private func renamed(
        _ source: DataComparison.Entry, _ target: DataComparison.Entry, _ similarity: Double
    ) -> DataComparison.Entry {
        DataComparison.Entry(
            state: .renamed, old: source.old, new: target.new, path: target.path, similarity: similarity)
    }
}
