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
    private let collapsesRuns: Bool
    private var units: [Unit] = []
    /// Pieces of all units in a row, by player, −1 for what always stays; and where each unit begins.
    private var players: [Int32] = []
    private var starts: [Int] = [0]
    /// Variants by the pattern of hidden pieces, for units of few: a place in `ranges`, −1 for none yet; and where each unit's
    /// table begins.
    private var table: [Int32] = []
    private var tables: [Int] = []
    /// Which pieces the current mask hides.
    private var hidden: [UInt64] = []
    /// Token numbers of all variants of units in a row, and where each begins.
    private var tokens: [Int32] = []
    private var ranges: [(start: Int32, end: Int32)] = []
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
        if units.contains(where: { $0.pieces.count > 60 }) { return nil }
        for index in units.indices {
            players += units[index].pieces.map { piece in piece.player.map { Int32($0) } ?? -1 }
            starts.append(players.count)
            let count = units[index].pieces.count
            tables.append(table.count)
            if count <= VariantTokens.fewPieces { table += repeatElement(-1, count: 2 << count) }
        }
    }

    /// Units of so many pieces have a table of all patterns.
    private static let fewPieces = 6

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

    /// Appends the tokens of a variant.
    mutating func append(_ mask: BitSet, to out: inout [Int32]) {
        hidden.removeAll(keepingCapacity: true)
        players.withUnsafeBufferPointer { players in
            for player in players { hidden.append(player >= 0 && !mask[Int(player)] ? 1 : 0) }
        }
        var previousIsHidden: UInt64 = 0
        for index in units.indices {
            let start = starts[index]
            let count = starts[index + 1] - start
            var pattern: UInt64 = 0
            hidden.withUnsafeBufferPointer { hidden in
                for place in 0..<count { pattern |= hidden[start + place] << UInt64(place) }
            }
            let continues = collapsesRuns && previousIsHidden & pattern & 1 == 1
            previousIsHidden = pattern >> UInt64(count - 1) & 1
            let variant: Int32
            if count <= VariantTokens.fewPieces {
                let key = tables[index] + (Int(pattern) | (continues ? 1 << count : 0))
                let known = table[key]
                variant = known >= 0 ? known : learn(index, pattern, continues: continues)
                if known < 0 { table[key] = variant }
            } else {
                let key = pattern | (continues ? 1 << 63 : 0)
                variant = units[index].rare[key] ?? learn(index, pattern, continues: continues)
                units[index].rare[key] = variant
            }
            let range = ranges[Int(variant)]
            for place in Int(range.start)..<Int(range.end) { out.append(tokens[place]) }
        }
    }

    /// Cuts a unit's variant into words, and says where its numbers are kept.
    private mutating func learn(_ unit: Int, _ pattern: UInt64, continues: Bool) -> Int32 {
        let start = Int32(tokens.count)
        tokens += words(unit, pattern, continues: continues)
        ranges.append((start, Int32(tokens.count)))
        return Int32(ranges.count - 1)
    }

    private mutating func words(_ unit: Int, _ pattern: UInt64, continues: Bool) -> [Int32] {
        var text: [UInt8] = []
        var inRun = continues
        for (place, piece) in units[unit].pieces.enumerated() {
            if pattern >> UInt64(place) & 1 == 0 {
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
