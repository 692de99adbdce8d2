import Base

/// The tokens of many masked variants of one text, without cutting each of them anew.
///
/// The text falls into units that white space separates whatever is hidden; a unit's tokens depend only on which of its
/// own pieces are hidden, and are found once for each such pattern. Tokens are numbered within the text.
struct VariantTokens {
    /// Pieces that stand without white space between them.
    private struct Unit {
        /// Bytes and player of each piece.
        var pieces: [(bytes: Range<Int>, player: Int?)] = []
        /// Variants by the pattern of hidden pieces, for units of many; bit 63: the piece before the unit is hidden.
        var rare: [UInt64: Int32] = [:]
    }

    private let bytes: [UInt8]
    private let replacement: [UInt8]
    let collapsesRuns: Bool
    private var units: [Unit] = []
    /// The players of all units in a row, and where each unit's begin.
    private(set) var players: [Int32] = []
    private(set) var starts: [Int32] = [0]
    /// Whether a unit begins, and ends, with a piece that can be hidden.
    private(set) var beginsWithPlayer: [Bool] = []
    private(set) var endsWithPlayer: [Bool] = []
    /// Variants by the pattern of hidden players, for units of few: a place in `ranges`, −1 for none yet; and where each
    /// unit's table begins.
    private var table: [Int32] = []
    private var tables: [Int32] = []
    /// The variant of each unit under the current mask; and the mask.
    private var chosen: [Int32] = []
    private var current: BitSet?
    /// The units that have tokens now, 64 a word.
    private var filled: [UInt64] = []
    /// The units of all players in a row, and where each player's begin.
    private var unitsOfPlayers: [Int32] = []
    private var firstUnits: [Int32] = [0]
    /// Token numbers of all variants of units in a row, and where each begins.
    /// The first is no token: it stands in empty ranges.
    private(set) var tokens: [Int32] = [0]
    private(set) var ranges: [(start: Int32, end: Int32)] = []
    /// Tokens of each unit's longest variant so far, and their sum.
    private var longest: [Int] = []
    private var mostTokens = 0
    private var numbers: [String: Int32] = [:]
    /// The spellings of the tokens that occurred so far.
    private(set) var spellings: [String] = []

    /// Nil when variants of the text cannot be put together from units.
    init?(_ text: any MaskableText) {
        guard let pieces = text.pieces else { return nil }
        bytes = Array(text.text.utf8)
        replacement = Array(text.replacement.utf8)
        collapsesRuns = text.collapsesRuns
        guard VariantTokens.lineBreaksAreWhole(bytes) else { return nil }
        // After a replacement that ends in a mark, and begins with white space, text begins afresh.
        let startsAfresh =
            replacement.first == UInt8(ascii: " ")
            && replacement.last.map { byte in byte == UInt8(ascii: ".") || byte == UInt8(ascii: " ") } == true
        var unit = Unit()
        func close(_ units: inout [Unit]) {
            if !unit.pieces.isEmpty { units.append(unit) }
            unit = Unit()
        }
        for piece in pieces {
            if piece.player != nil {
                unit.pieces.append(piece)
                let end = piece.bytes.upperBound
                if startsAfresh, end > piece.bytes.lowerBound, isJoint(end - 1) { close(&units) }
                continue
            }
            var start = piece.bytes.lowerBound
            for index in piece.bytes where isJoint(index) {
                unit.pieces.append((start..<index + 1, nil))
                close(&units)
                start = index + 1
            }
            if start < piece.bytes.upperBound { unit.pieces.append((start..<piece.bytes.upperBound, nil)) }
        }
        close(&units)
        for unit in units {
            let own = unit.pieces.compactMap(\.player)
            if own.count > 60 { return nil }
            players += own.map { Int32($0) }
            starts.append(Int32(players.count))
            beginsWithPlayer.append(unit.pieces.first?.player != nil)
            endsWithPlayer.append(unit.pieces.last?.player != nil)
            tables.append(Int32(table.count))
            if own.count <= VariantTokens.fewPlayers { table += repeatElement(-1, count: 2 << own.count) }
        }
        chosen = [Int32](repeating: 0, count: units.count)
        longest = [Int](repeating: 0, count: units.count)
        filled = [UInt64](repeating: 0, count: (units.count + 63) / 64)
        var owned = [[Int32]](repeating: [], count: text.players)
        for unit in units.indices {
            for place in starts[unit]..<starts[unit + 1] { owned[Int(players[Int(place)])].append(Int32(unit)) }
        }
        for list in owned {
            unitsOfPlayers += list
            firstUnits.append(Int32(unitsOfPlayers.count))
        }
    }

    /// Units of so many players have a table of all patterns.
    private static let fewPlayers = 6

    /// White space that no token reaches over: the tokeniser knows only one tag that does.
    private func isJoint(_ index: Int) -> Bool {
        guard VariantTokens.isSpace(bytes[index]) else { return false }
        return !(index >= 3 && VariantTokens.isTagStart(bytes, index - 3))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private static func isTagStart(_ bytes: [UInt8], _ index: Int) -> Bool {
        bytes[index] == UInt8(ascii: "<") && bytes[index + 1] | 0x20 == UInt8(ascii: "b")
            && bytes[index + 2] | 0x20 == UInt8(ascii: "r")
    }

    /// False when squeezed white space would make a line-break tag of what is none.
    private static func lineBreaksAreWhole(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 4 else { return true }
        for index in 0..<bytes.count - 4 where bytes[index] == UInt8(ascii: "<") && isTagStart(bytes, index) {
            if isSpace(bytes[index + 3]), bytes[index + 3] != 0x20 || isSpace(bytes[index + 4]) { return false }
        }
        return true
    }

    /// Stretches that white space separates.
    var count: Int { units.count }

    /// Replaces `out` by the tokens of a variant.
    mutating func write(_ mask: BitSet, to out: inout [Int32]) {
        var place = Place()
        while let key = choose(mask, &place) {
            // Seen for the first time: rare after some variants.
            chosen[place.unit] = variant(of: place.unit, key, continues: place.continues)
            place.unit += 1
        }
        current = mask
        ranges.withUnsafeBufferPointer { ranges in
            for word in filled.indices {
                var bits: UInt64 = 0
                for unit in word << 6..<min(chosen.count, word << 6 + 64) {
                    let range = ranges[Int(chosen[unit])]
                    bits |= (range.start < range.end ? 1 : 0) << UInt64(unit & 63)
                }
                filled[word] = bits
            }
        }
        // Written first and counted after: whether a word is hidden is a coin's toss, which no processor can foresee.
        out = [Int32](unsafeUninitializedCapacity: mostTokens + 1) { out, count in
            tokens.withUnsafeBufferPointer { tokens in
                ranges.withUnsafeBufferPointer { ranges in
                    for variant in chosen {
                        let range = ranges[Int(variant)]
                        out[count] = tokens[Int(range.start)]
                        count += range.end > range.start ? 1 : 0
                        if range.end - range.start > 1 {
                            for index in range.start + 1..<range.end {
                                out[count] = tokens[Int(index)]
                                count += 1
                            }
                        }
                    }
                }
            }
        }
    }

    /// The units that may have another variant than under the last mask, in order; nil when they are too many to go
    /// through one by one. `move` has to follow for each of them.
    mutating func unitsChanged(by mask: BitSet) -> [Int]? {
        guard let current else { return nil }
        let most = units.count / 16
        var found: [Int] = []
        for player in 0..<mask.count where mask[player] != current[player] {
            for place in firstUnits[player]..<firstUnits[player + 1] {
                let unit = Int(unitsOfPlayers[Int(place)])
                found.append(unit)
                // A replacement for a run of hidden pieces stands at its beginning.
                if collapsesRuns, unit + 1 < units.count { found.append(unit + 1) }
            }
            if found.count > most { return nil }
        }
        self.current = mask
        found.sort()
        return found
    }

    /// Gives a unit its variant under the current mask; its tokens before and after it.
    ///
    /// - Returns: nil when they are the same.
    mutating func move(_ unit: Int) -> (from: ArraySlice<Int32>, to: ArraySlice<Int32>)? {
        guard let current else { return nil }
        var pattern: UInt64 = 0
        let start = Int(starts[unit])
        for place in start..<Int(starts[unit + 1]) where !current[Int(players[place])] {
            pattern |= 1 << UInt64(place - start)
        }
        let continues =
            collapsesRuns && unit > 0 && pattern & 1 == 1 && beginsWithPlayer[unit] && endsWithPlayer[unit - 1]
            && !current[Int(players[start - 1])]
        let (before, after) = (chosen[unit], variant(of: unit, pattern, continues: continues))
        if before == after { return nil }
        chosen[unit] = after
        let (from, to) = (ranges[Int(before)], ranges[Int(after)])
        let bit: UInt64 = 1 << UInt64(unit & 63)
        if to.start < to.end { filled[unit >> 6] |= bit } else { filled[unit >> 6] &= ~bit }
        return (tokens[Int(from.start)..<Int(from.end)], tokens[Int(to.start)..<Int(to.end)])
    }

    /// Appends up to `limit` tokens that stand before a unit, the nearest last.
    func append(before unit: Int, limit: Int, to out: inout [Int32]) {
        let start = out.count
        var place = unit
        while out.count - start < limit, let filled = filled(before: place) {
            let range = ranges[Int(chosen[filled])]
            for index in (range.start..<range.end).reversed() where out.count - start < limit {
                out.append(tokens[Int(index)])
            }
            place = filled
        }
        out[start...].reverse()
    }

    /// Appends up to `limit` tokens that stand after a unit.
    func append(after unit: Int, limit: Int, to out: inout [Int32]) {
        let start = out.count
        var place = unit
        while out.count - start < limit, let filled = filled(after: place) {
            let range = ranges[Int(chosen[filled])]
            for index in range.start..<range.end where out.count - start < limit { out.append(tokens[Int(index)]) }
            place = filled
        }
    }

    private func filled(before unit: Int) -> Int? {
        var word = unit >> 6
        guard word < filled.count else { return nil }
        var bits = filled[word] & ((1 << UInt64(unit & 63)) - 1)
        while bits == 0 {
            word -= 1
            if word < 0 { return nil }
            bits = filled[word]
        }
        return word << 6 + 63 - bits.leadingZeroBitCount
    }

    private func filled(after unit: Int) -> Int? {
        var word = (unit + 1) >> 6
        guard word < filled.count else { return nil }
        var bits = filled[word] & ~((1 << UInt64((unit + 1) & 63)) - 1)
        while bits == 0 {
            word += 1
            if word == filled.count { return nil }
            bits = filled[word]
        }
        return word << 6 + bits.trailingZeroBitCount
    }

    /// How far the choice of variants has come.
    private struct Place {
        var unit = 0
        /// The piece before the unit is hidden.
        var afterHidden = false
        /// The unit begins within a run of hidden pieces that another unit has replaced.
        var continues = false
    }

    /// The variant of a unit by its pattern of hidden players.
    mutating func variant(of unit: Int, _ pattern: UInt64, continues: Bool) -> Int32 {
        let size = Int(starts[unit + 1] - starts[unit])
        guard size <= VariantTokens.fewPlayers else {
            let key = pattern | (continues ? 1 << 63 : 0)
            if let known = units[unit].rare[key] { return known }
            let fresh = learn(unit, pattern, continues: continues)
            units[unit].rare[key] = fresh
            return fresh
        }
        let key = Int(tables[unit]) + (Int(pattern) | (continues ? 1 << size : 0))
        if table[key] < 0 { table[key] = learn(unit, pattern, continues: continues) }
        return table[key]
    }

    /// Chooses the variants of units from `place` on, up to one that is not in the tables: its pattern of hidden players;
    /// nil at the end.
    private mutating func choose(_ mask: BitSet, _ place: inout Place) -> UInt64? {
        let count = units.count
        let (collapses, begins, ends) = (collapsesRuns, beginsWithPlayer, endsWithPlayer)
        return players.withUnsafeBufferPointer { players in
            starts.withUnsafeBufferPointer { starts in
                tables.withUnsafeBufferPointer { tables in
                    table.withUnsafeBufferPointer { table in
                        chosen.withUnsafeMutableBufferPointer { chosen -> UInt64? in
                            var unit = place.unit
                            var afterHidden = place.afterHidden
                            defer { (place.unit, place.afterHidden) = (unit, afterHidden) }
                            var start = unit < count ? Int(starts[unit]) : 0
                            while unit < count {
                                let end = Int(starts[unit + 1])
                                var pattern: UInt64 = 0
                                for index in start..<end {
                                    let player = Int(players[index])
                                    pattern |= (mask[player] ? 0 : 1) << UInt64(index - start)
                                }
                                let size = end - start
                                start = end
                                var continues = false
                                if collapses {
                                    // Hidden at its beginning and at its end, as far as it matters.
                                    continues = afterHidden && pattern & 1 == 1 && begins[unit]
                                    afterHidden =
                                        size > 0 && ends[unit] && pattern >> UInt64(size - 1) & 1 == 1
                                }
                                if size <= VariantTokens.fewPlayers {
                                    let key = Int(tables[unit]) + (Int(pattern) | (continues ? 1 << size : 0))
                                    let variant = table[key]
                                    if variant >= 0 {
                                        chosen[unit] = variant
                                        unit += 1
                                        continue
                                    }
                                }
                                place.continues = continues
                                return pattern
                            }
                            return nil
                        }
                    }
                }
            }
        }
    }

    /// Cuts a unit's variant into words, and says where its numbers are kept.
    private mutating func learn(_ unit: Int, _ pattern: UInt64, continues: Bool) -> Int32 {
        let found = words(unit, pattern, continues: continues)
        let start = found.isEmpty ? 0 : Int32(tokens.count)
        tokens += found
        ranges.append((start, start + Int32(found.count)))
        mostTokens += max(0, found.count - longest[unit])
        longest[unit] = max(longest[unit], found.count)
        return Int32(ranges.count - 1)
    }

    private mutating func words(_ unit: Int, _ pattern: UInt64, continues: Bool) -> [Int32] {
        var text: [UInt8] = []
        var inRun = continues
        var player: UInt64 = 0
        for piece in units[unit].pieces {
            var isHidden = false
            if piece.player != nil {
                isHidden = pattern >> player & 1 == 1
                player += 1
            }
            if !isHidden {
                text += bytes[piece.bytes]
                inRun = false
            } else if !(collapsesRuns && inRun) {
                text += replacement
                inRun = true
            }
        }
        return Tokeniser.words(of: String(decoding: text, as: UTF8.self)).map { word in
            if let number = numbers[word] { return number }
            let number = Int32(spellings.count)
            numbers[word] = number
            spellings.append(word)
            return number
        }
    }
}
