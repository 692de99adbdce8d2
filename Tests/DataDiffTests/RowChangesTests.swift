import Base
import DataDiff
import Testing

@Suite struct RowChangesTests {
    private func hex(_ hash: RowHash) -> String {
        [hash.high, hash.low].map {
            let digits = String($0, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    @Test func `row hashes are those of MurmurHash3_x64_128`() {
        // Values of the reference implementation, seed 0.
        #expect(hex(RowHash([])) == "00000000000000000000000000000000")
        #expect(hex(RowHash(Array("hello".utf8))) == "cbd8a7b341bd9b025b1e906a48ae1d19")
        #expect(
            hex(RowHash(Array("The quick brown fox jumps over the lazy dog".utf8)))
                == "e34bbc7bbc071b6c7a433ca9c49a9347")
    }

    private func hashes(_ rows: [String]) -> [RowHash] { rows.map { RowHash(Array($0.utf8)) } }

    /// Counts with dictionaries of the rows themselves.
    private func reference(_ old: [String], _ new: [String]) -> (added: Int, removed: Int) {
        let before = Dictionary(old.map { ($0, 1) }, uniquingKeysWith: +)
        let after = Dictionary(new.map { ($0, 1) }, uniquingKeysWith: +)
        let added = after.reduce(0) { $0 + max(0, $1.value - (before[$1.key] ?? 0)) }
        let removed = before.reduce(0) { $0 + max(0, $1.value - (after[$1.key] ?? 0)) }
        return (added, removed)
    }

    @Test(arguments: 0..<200) func `random edits are counted as a plain multiset counts them`(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed), purpose: "row edits")
        // Few different rows, so that many are equal.
        let variety = [3, 20, 1_000_000][seed % 3]
        var old: [String] = []
        for _ in 0..<random.below(60) { old.append("row \(random.below(variety))") }
        var new = old
        for _ in 0..<random.below(12) {
            let place = random.below(new.count + 1)
            switch random.below(4) {
            case 0: new.insert("row \(random.below(variety))", at: place)
            case 1 where place < new.count: new.remove(at: place)
            case 2 where place < new.count: new[place] = "row \(random.below(variety))"
            case 3 where new.count > 1 && seed % 2 == 0: new.swapAt(0, new.count - 1)
            default: break
            }
        }
        let changes = RowChanges(old: hashes(old), new: hashes(new))
        let expected = reference(old, new)
        #expect(changes.added + changes.changed == expected.added)
        #expect(changes.removed + changes.changed == expected.removed)
        #expect(changes.before == old.count && changes.after == new.count)
        #expect(RowChanges(old: hashes(old), new: hashes(old)).isEmpty)
    }

    @Test(arguments: 0..<50) func `among different rows edits in place are changes, exactly`(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed), purpose: "row changes")
        let old = (0..<200).map { "old \($0)" }
        var new: [String] = []
        var (added, removed, changed) = (0, 0, 0)
        for row in old {
            // What is done to a row stands alone between rows that stay.
            switch random.below(8) {
            case 0:
                new += ["new \(row)"]
                changed += 1
            case 1: removed += 1
            case 2:
                new += [row, "more \(row)"]
                added += 1
                new.append("anchor \(row)")
                continue
            default: new.append(row)
            }
            new.append("anchor \(row)")
        }
        let anchored = old.flatMap { [$0, "anchor \($0)"] }
        let changes = RowChanges(old: hashes(anchored), new: hashes(new))
        #expect(changes.added == added && changes.removed == removed && changes.changed == changed)
        #expect(!changes.isReordered)
    }

    @Test func `another order of the same rows is no edit but is said`() {
        let changes = RowChanges(old: hashes(["a", "b", "c"]), new: hashes(["c", "a", "b"]))
        #expect(changes.isReordered && changes.added == 0 && changes.removed == 0 && changes.changed == 0)
    }

    @Test func `one of several equal rows less is one row removed`() {
        let changes = RowChanges(old: hashes(["a", "b", "a", "c"]), new: hashes(["b", "a", "c"]))
        #expect(changes.removed == 1 && changes.added == 0 && !changes.isReordered)
    }
}
