import Base

/// The n-grams that occur in enough texts, and which text has which.
///
/// Longer ones are made of two shorter ones that overlap, and counted only where both are frequent enough: nothing else
/// can be (Agrawal & Srikant 1994, "Fast algorithms for mining association rules").
struct NGramCounts: Sendable {
    /// The features' spelling, sorted by bytes: `vocab.txt`.
    let vocabulary: [UInt8]
    /// The rows' features; numbers go from the most frequent to the rarest, so that those which are used together lie together.
    let rows: FeatureRows
    /// The place in `vocabulary` of each feature of `rows`.
    let places: [Int32]

    /// - Parameter minimumCount: texts an n-gram must occur in.
    init(_ texts: NumberedTexts, n: Int, minimumCount: Int) throws {
        guard texts.words.count - 1 <= NGramVocabulary.maximumWords else {
            throw MLError(
                .invalidInput,
                "\(texts.words.count - 1) different words are more than an n-gram model takes "
                    + "(\(NGramVocabulary.maximumWords))")
        }
        var levels = [Level(texts, words: texts.words.count, minimumCount)]
        for length in 2..<max(2, n + 1) {
            levels.append(Level(texts, levels[length - 2], length: length, minimumCount))
        }
        // Sorted by the numbers of their words, which is by bytes: the space between words comes before all of a word.
        var kept: [(key: UInt64, count: Int32, level: Int32, gram: Int32)] = []
        for (level, grams) in levels.enumerated() {
            for gram in grams.entries.indices where gram > 0 && grams.entries[gram].count >= Int32(minimumCount) {
                kept.append((grams.spellings[gram], grams.entries[gram].count, Int32(level), Int32(gram)))
            }
        }
        kept.sort { $0.key < $1.key }
        var text: [UInt8] = []
        for (place, gram) in kept.enumerated() {
            if place > 0 { text.append(10) }
            for position in 0...Int(gram.level) {
                if position > 0 { text.append(0x20) }
                text += texts.words[Int(gram.key >> UInt64(42 - 21 * position) & 0x1f_ffff)]
            }
        }
        vocabulary = text

        // By count, equal counts in the order of bytes.
        var ranked = kept.enumerated().map { UInt64(UInt32.max - UInt32($1.count)) << 32 | UInt64($0) }
        ranked.sort()
        let order = ranked.map { Int($0 & 0xffff_ffff) }
        places = order.map { Int32($0) }
        var features = levels.map { [Int32](repeating: -1, count: $0.entries.count) }
        for (feature, place) in order.enumerated() {
            features[Int(kept[place].level)][Int(kept[place].gram)] = Int32(feature)
        }
        rows = NGramCounts.rows(texts, levels, features, count: kept.count)
    }

    private static func rows(
        _ texts: NumberedTexts, _ levels: [Level], _ features: [[Int32]], count: Int
    ) -> FeatureRows {
        var rows = FeatureRows()
        var last = [Int32](repeating: -1, count: count)
        rows.starts.reserveCapacity(texts.starts.count)
        for text in 0..<texts.starts.count - 1 {
            for (level, features) in zip(levels, features) {
                for place in texts.starts[text]..<texts.starts[text + 1] {
                    let feature = Int(features[Int(level.grams[place])])
                    if feature >= 0, last[feature] != Int32(text) {
                        last[feature] = Int32(text)
                        rows.features.append(Int32(feature))
                    }
                }
            }
            rows.starts.append(rows.features.count)
        }
        return rows
    }

    /// All n-grams of one length.
    private struct Level: Sendable {
        struct Entry {
            /// The two shorter n-grams, or 0.
            var key: UInt64
            /// Texts it occurs in.
            var count: Int32
            /// The last of them.
            var last: Int32
        }

        /// By number; the first entry belongs to none.
        var entries = [Entry(key: 0, count: 0, last: -1)]
        /// The numbers of an n-gram's words, 21 bits each from the top.
        var spellings: [UInt64] = [0]
        /// At each place of the texts the n-gram that begins there; 0 for none that could be frequent enough.
        var grams: [Int32]

        /// Single words.
        init(_ texts: NumberedTexts, words: Int, _ minimumCount: Int) {
            grams = texts.numbers
            entries = [Entry](repeating: Entry(key: 0, count: 0, last: -1), count: words)
            spellings = (0..<words).map { UInt64($0) << 42 }
            for text in 0..<texts.starts.count - 1 {
                for place in texts.starts[text]..<texts.starts[text + 1] { count(grams[place], text) }
            }
        }

        /// Those of two neighbours of `shorter`.
        init(_ texts: NumberedTexts, _ shorter: Level, length: Int, _ minimumCount: Int) {
            grams = [Int32](repeating: 0, count: texts.numbers.count)
            var slots = [Int32](repeating: 0, count: 1 << 16)
            let shift = UInt64(42 - 21 * (length - 1))
            for text in 0..<texts.starts.count - 1 {
                let end = texts.starts[text + 1]
                var place = texts.starts[text]
                while place + length <= end {
                    let (first, second) = (Int(shorter.grams[place]), Int(shorter.grams[place + 1]))
                    if shorter.entries[first].count >= Int32(minimumCount),
                        shorter.entries[second].count >= Int32(minimumCount)
                    {
                        let gram = number(UInt64(first) << 32 | UInt64(second), &slots)
                        if Int(gram) == spellings.count {
                            let word = shorter.spellings[second] >> (shift + 21) & 0x1f_ffff
                            spellings.append(shorter.spellings[first] | word << shift)
                        }
                        grams[place] = gram
                        count(gram, text)
                    }
                    place += 1
                }
            }
        }

        @inline(__always)
        private mutating func count(_ gram: Int32, _ text: Int) {
            if entries[Int(gram)].last != Int32(text) {
                entries[Int(gram)].last = Int32(text)
                entries[Int(gram)].count += 1
            }
        }

        @inline(__always)
        private mutating func number(_ key: UInt64, _ slots: inout [Int32]) -> Int32 {
            let mask = slots.count - 1
            var slot = Level.hash(key) & mask
            while slots[slot] != 0 {
                if entries[Int(slots[slot])].key == key { return slots[slot] }
                slot = (slot + 1) & mask
            }
            let number = Int32(entries.count)
            slots[slot] = number
            entries.append(Entry(key: key, count: 0, last: -1))
            if entries.count * 2 > slots.count { grow(&slots) }
            return number
        }

        private func grow(_ slots: inout [Int32]) {
            slots = [Int32](repeating: 0, count: slots.count * 2)
            let mask = slots.count - 1
            for number in 1..<entries.count {
                var slot = Level.hash(entries[number].key) & mask
                while slots[slot] != 0 { slot = (slot + 1) & mask }
                slots[slot] = Int32(number)
            }
        }

        @inline(__always)
        private static func hash(_ key: UInt64) -> Int {
            Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 24)
        }
    }
}
