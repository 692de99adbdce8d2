import Glibc

/// Words numbered from 1 in the order they come, found by their bytes: no text is made for a look-up, and a vocabulary of
/// hundreds of thousands is read in the time its file takes.
struct WordNumbers: Sendable {
    private var bytes: [UInt8] = []
    /// Where each word ends in `bytes`; the first entry belongs to no word.
    private var ends: [Int32] = [0]
    /// A word's number, 0 for a free place, and its hash: open addressing, at most half full.
    private var slots = [Slot](repeating: Slot(number: 0, hash: 0), count: 1024)

    private struct Slot {
        var number: Int32
        var hash: UInt32
    }

    var count: Int { ends.count - 1 }

    /// A word's number; 0 for one that is not there.
    func number(of word: UnsafeRawBufferPointer) -> Int {
        Int(slots[place(of: word, WordNumbers.hash(word))].number)
    }

    func number(of word: String) -> Int {
        var word = word
        return word.withUTF8 { number(of: UnsafeRawBufferPointer($0)) }
    }

    /// The number of a word, which it gets now if it has none.
    mutating func add(_ word: UnsafeRawBufferPointer) -> Int {
        let hash = WordNumbers.hash(word)
        let place = place(of: word, hash)
        if slots[place].number > 0 { return Int(slots[place].number) }
        bytes.append(contentsOf: word)
        ends.append(Int32(bytes.count))
        slots[place] = Slot(number: Int32(count), hash: hash)
        if count * 2 > slots.count { grow() }
        return count
    }

    /// Calls `body` with the bytes of a word by its number.
    func withBytes<T>(of number: Int, _ body: (UnsafeRawBufferPointer) -> T) -> T {
        bytes.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[Int(ends[number - 1])..<Int(ends[number])]))
        }
    }

    /// All numbers in the order of their words' bytes.
    func sorted() -> [Int32] {
        // The first eight bytes decide nearly always.
        var keys: [(head: UInt64, number: Int32)] = []
        keys.reserveCapacity(count)
        for number in 1..<max(1, count + 1) {
            let head = withBytes(of: number) { word in
                (0..<8).reduce(UInt64(0)) { $0 << 8 | UInt64($1 < word.count ? word[$1] : 0) }
            }
            keys.append((head, Int32(number)))
        }
        keys.sort { a, b in
            if a.head != b.head { return a.head < b.head }
            return withBytes(of: Int(a.number)) { a in
                withBytes(of: Int(b.number)) { b in a.lexicographicallyPrecedes(b) }
            }
        }
        return keys.map(\.number)
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(number: 0, hash: 0), count: old.count * 2)
        let mask = slots.count - 1
        for slot in old where slot.number > 0 {
            var place = Int(slot.hash) & mask
            while slots[place].number > 0 { place = (place + 1) & mask }
            slots[place] = slot
        }
    }

    /// The slot of a word, or the free one where it would be.
    @inline(__always)
    private func place(of word: UnsafeRawBufferPointer, _ hash: UInt32) -> Int {
        let mask = slots.count - 1
        var place = Int(hash) & mask
        return slots.withUnsafeBufferPointer { slots in
            while slots[place].number > 0 {
                if slots[place].hash == hash, isWord(Int(slots[place].number), word) { return place }
                place = (place + 1) & mask
            }
            return place
        }
    }

    @inline(__always)
    private func isWord(_ number: Int, _ word: UnsafeRawBufferPointer) -> Bool {
        let start = Int(ends[number - 1])
        guard Int(ends[number]) - start == word.count else { return false }
        return bytes.withUnsafeBytes { bytes in
            guard let known = bytes.baseAddress, let word = word.baseAddress.map({ ($0, word.count) }) else {
                return true
            }
            return memcmp(known + start, word.0, word.1) == 0
        }
    }

    /// FNV-1a, with its bits mixed once more for tables of a power of two.
    @inline(__always)
    private static func hash(_ word: UnsafeRawBufferPointer) -> UInt32 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in word { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 29)
    }
}

/// Numbers by 64-bit keys other than 0, in one table with open addressing.
struct KeyNumbers: Sendable {
    private struct Entry {
        var key: UInt64
        var number: Int32
    }

    private var entries: [Entry]

    /// - Parameter capacity: most keys that will be set.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        entries = Array(repeating: Entry(key: 0, number: 0), count: size)
    }

    subscript(key: UInt64) -> Int32? {
        @inline(__always) get {
            let entry = entries[place(of: key)]
            return entry.key == key ? entry.number : nil
        }
        set { entries[place(of: key)] = Entry(key: key, number: newValue ?? 0) }
    }

    @inline(__always)
    private func place(of key: UInt64) -> Int {
        // The golden ratio spreads neighbouring keys (Knuth, "The Art of Computer Programming" 3, section 6.4).
        var place = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & (entries.count - 1)
        return entries.withUnsafeBufferPointer { entries in
            while entries[place].key != 0 && entries[place].key != key { place = (place + 1) & (entries.count - 1) }
            return place
        }
    }
}
