import Base
import Glibc

/// The n-grams a linear model knows, each a feature: the lines of `vocab.txt`.
///
/// A few texts are looked up in the sorted lines themselves. For more, words are numbered first, so that an n-gram is one
/// 64-bit key and looking it up costs no text; that table takes longer to make than a short program runs.
struct NGramVocabulary: Sendable {
    /// Bits of a word's number in a key: up to 2,097,151 words, up to three of them.
    fileprivate static let bits: UInt64 = 21
    static let maximumWords = 1 << Int(bits) - 1

    let n: Int
    /// The features' spelling, a line each, words separated by one space, sorted by bytes.
    private let lines: SortedLines
    private let table: LazyTable

    /// - Parameter text: `vocab.txt`, in the order of the weights.
    init(n: Int, text: [UInt8]) {
        self.n = n
        lines = SortedLines(text)
        table = LazyTable(lines)
    }

    /// How many features there are.
    var count: Int { lines.count }

    /// The features' spelling.
    var features: [String] { (0..<count).map { String(decoding: lines[$0], as: UTF8.self) } }

    /// Makes the table now: worth it for many texts.
    func prepare() { _ = table.get() }

    /// The features of a text, each once, ascending.
    func features(ofText text: String) -> [Int32] {
        var text = text
        return text.withUTF8 { bytes in
            var found: [Int32] = []
            found.reserveCapacity(64)
            if let table = table.ifWorth() {
                table.find(in: bytes, n, &found)
            } else {
                lines.find(in: bytes, n, &found)
            }
            found.sort()
            var count = 0
            for feature in found where count == 0 || found[count - 1] != feature {
                found[count] = feature
                count += 1
            }
            found.removeLast(found.count - count)
            return found
        }
    }

    /// A word's number; 0 for one that is in no feature.
    func number(of word: String) -> UInt64 { UInt64(table.get().words.number(of: word)) }

    /// The feature of neighbouring words by their numbers.
    func feature(of ids: [UInt64]) -> Int32? {
        if ids.isEmpty || ids.contains(0) { return nil }
        return table.get().index[ids.reduce(0) { $0 << NGramVocabulary.bits | $1 }]
    }

    /// Where each feature of a text occurs: the tokens it covers, over all occurrences.
    func occurrences(in text: [String]) -> [Int32: [Int]] {
        let table = table.get()
        let ids = text.map { UInt64(table.words.number(of: $0)) }
        var found: [Int32: [Int]] = [:]
        for start in ids.indices {
            var key: UInt64 = 0
            for length in 1...n where start + length <= ids.count {
                let id = ids[start + length - 1]
                if id == 0 { break }
                key = key << NGramVocabulary.bits | id
                if let feature = table.index[key] { found[feature, default: []] += Array(start..<start + length) }
            }
        }
        return found
    }

    /// Numbers of words, and of n-grams by the numbers of their words.
    fileprivate final class Table: Sendable {
        let words: WordNumbers
        let index: KeyNumbers

        init(_ lines: SortedLines) {
            var words = WordNumbers()
            var index = KeyNumbers(capacity: lines.count)
            for number in 0..<lines.count {
                lines.withLine(number) { line in
                    var key: UInt64 = 0
                    var start = 0
                    // By bytes: a space before a combining mark is no character of its own.
                    for end in 0...line.count where end == line.count || line[end] == 0x20 {
                        if end > start {
                            let id = words.add(UnsafeRawBufferPointer(rebasing: line[start..<end]))
                            key = key << NGramVocabulary.bits | UInt64(id)
                        }
                        start = end + 1
                    }
                    if key > 0 { index[key] = Int32(number) }
                }
            }
            self.words = words
            self.index = index
        }

        /// Appends the features of a text, repeats included.
        func find(in text: UnsafeBufferPointer<UInt8>, _ n: Int, _ found: inout [Int32]) {
            // The keys of the n-grams that end at the word before, by length.
            var ends = SIMD4<UInt64>(repeating: 0)
            Tokeniser.forEachWord(in: text) { word, _ in
                let id = UInt64(words.number(of: word))
                var next = SIMD4<UInt64>(repeating: 0)
                if id > 0 {
                    next[0] = id
                    for length in 1..<max(1, n) where ends[length - 1] > 0 {
                        next[length] = ends[length - 1] << NGramVocabulary.bits | id
                    }
                    for length in 0..<n where next[length] > 0 {
                        if let feature = index[next[length]] { found.append(feature) }
                    }
                }
                ends = next
            }
        }
    }

    /// The table, once it is worth making.
    fileprivate final class LazyTable: @unchecked Sendable {
        private let lines: SortedLines
        private let mutex = Mutex()
        private var table: Table?
        private var looks = 0
        /// Texts that are looked up in the lines before the table is made.
        private static let patience = 64

        init(_ lines: SortedLines) { self.lines = lines }

        func get() -> Table {
            mutex.withLock {
                let made = table ?? Table(lines)
                table = made
                return made
            }
        }

        func ifWorth() -> Table? {
            mutex.withLock {
                if let table { return table }
                looks += 1
                if looks <= LazyTable.patience { return nil }
                table = Table(lines)
                return table
            }
        }
    }
}

/// Lines sorted by bytes, found by halving.
struct SortedLines: Sendable {
    private let text: [UInt8]
    /// Where each line begins, and where one after the last would.
    private let starts: [Int32]

    init(_ text: [UInt8]) {
        self.text = text
        var starts: [Int32] = []
        starts.reserveCapacity(text.count / 8)
        text.withUnsafeBytes { text in
            guard let base = text.baseAddress else { return }
            var start = 0
            while start < text.count {
                let end = memchr(base + start, 10, text.count - start).map { UnsafeRawPointer($0) - base } ?? text.count
                if end > start { starts.append(Int32(start)) }
                start = end + 1
            }
        }
        starts.append(Int32(text.last == 10 ? text.count : text.count + 1))
        self.starts = starts
    }

    var count: Int { starts.count - 1 }

    subscript(number: Int) -> ArraySlice<UInt8> { text[Int(starts[number])..<Int(starts[number + 1]) - 1] }

    func withLine(_ number: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        text.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[Int(starts[number])..<Int(starts[number + 1]) - 1]))
        }
    }

    /// The number of a line.
    func number(of line: [UInt8]) -> Int? {
        text.withUnsafeBytes { text in
            var range = 0..<count
            while !range.isEmpty {
                let middle = range.lowerBound + range.count / 2
                let start = Int(starts[middle])
                let length = Int(starts[middle + 1]) - 1 - start
                var order = line.withUnsafeBytes { line -> Int32 in
                    guard let a = text.baseAddress, let b = line.baseAddress else { return 0 }
                    return memcmp(a + start, b, min(length, line.count))
                }
                if order == 0 { order = Int32(clamping: length - line.count) }
                if order == 0 { return middle }
                range = order < 0 ? middle + 1..<range.upperBound : range.lowerBound..<middle
            }
            return nil
        }
    }

    /// Appends the features of a text, repeats included.
    func find(in text: UnsafeBufferPointer<UInt8>, _ n: Int, _ found: inout [Int32]) {
        var words: [[UInt8]] = []
        Tokeniser.forEachWord(in: text) { word, _ in
            words.append(Array(word))
            var line: [UInt8] = []
            for word in words.reversed() {
                line = line.isEmpty ? word : word + [0x20] + line
                if let number = number(of: line) { found.append(Int32(number)) }
            }
            if words.count == n { words.removeFirst() }
        }
    }
}
