/// Words numbered from 1 in the order they come, found by their bytes: no text is made for a look-up, and a vocabulary of
/// hundreds of thousands is read in the time its file takes.
struct WordNumbers: Sendable {
    private var bytes: [UInt8] = []
    /// Where each word ends in `bytes`; the first entry belongs to no word.
    private var ends: [Int32] = [0]
    /// Numbers by hash, 0 for a free place: open addressing, at most half full.
    private var slots = [Int32](repeating: 0, count: 1024)

    var count: Int { ends.count - 1 }

    /// A word's number; 0 for one that is not there.
    func number(of word: UnsafeRawBufferPointer) -> Int { Int(slots[place(of: word)]) }

    func number(of word: String) -> Int {
        var word = word
        return word.withUTF8 { number(of: UnsafeRawBufferPointer($0)) }
    }

    /// The number of a word, which it gets now if it has none.
    mutating func add(_ word: UnsafeRawBufferPointer) -> Int {
        let place = place(of: word)
        if slots[place] > 0 { return Int(slots[place]) }
        bytes.append(contentsOf: word)
        ends.append(Int32(bytes.count))
        slots[place] = Int32(count)
        if count * 2 > slots.count { grow() }
        return count
    }

    private mutating func grow() {
        slots = [Int32](repeating: 0, count: slots.count * 2)
        bytes.withUnsafeBytes { bytes in
            for number in 1...count {
                let word = UnsafeRawBufferPointer(rebasing: bytes[Int(ends[number - 1])..<Int(ends[number])])
                var place = Int(truncatingIfNeeded: WordNumbers.hash(word)) & (slots.count - 1)
                while slots[place] > 0 { place = (place + 1) & (slots.count - 1) }
                slots[place] = Int32(number)
            }
        }
    }

    /// The slot of a word, or the free one where it would be.
    private func place(of word: UnsafeRawBufferPointer) -> Int {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: WordNumbers.hash(word)) & mask
        return bytes.withUnsafeBytes { bytes in
            while slots[place] > 0 {
                let number = Int(slots[place])
                let known = bytes[Int(ends[number - 1])..<Int(ends[number])]
                if known.count == word.count, known.elementsEqual(word) { return place }
                place = (place + 1) & mask
            }
            return place
        }
    }

    /// FNV-1a, with its bits mixed once more for tables of a power of two.
    private static func hash(_ word: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in word { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash ^ hash >> 29
    }
}

/// Numbers by 64-bit keys other than 0, in one table with open addressing.
struct KeyNumbers: Sendable {
    private var keys: [UInt64]
    private var numbers: [Int32]

    /// - Parameter capacity: most keys that will be set.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = Array(repeating: 0, count: size)
        numbers = Array(repeating: 0, count: size)
    }

    subscript(key: UInt64) -> Int32? {
        get {
            let place = place(of: key)
            return keys[place] == key ? numbers[place] : nil
        }
        set {
            let place = place(of: key)
            keys[place] = key
            numbers[place] = newValue ?? 0
        }
    }

    private func place(of key: UInt64) -> Int {
        // The golden ratio spreads neighbouring keys (Knuth, "The Art of Computer Programming" 3, section 6.4).
        var place = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 20) & (keys.count - 1)
        while keys[place] != 0 && keys[place] != key { place = (place + 1) & (keys.count - 1) }
        return place
    }
}
