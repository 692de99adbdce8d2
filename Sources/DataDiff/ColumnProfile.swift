/// What a column holds, gathered a value at a time.
struct ColumnProfile {
    /// More distinct values are not counted.
    static let distinctLimit = 10_000

    private(set) var name: String
    private var count = 0
    private var empty = 0
    private var numbers = 0
    private var isWhole = true
    private var minimum = Double.infinity
    private var maximum = -Double.infinity
    private var sum = 0.0
    private var characters = 0
    private var distinct: Set<RowHash> = []

    init(name: String) { self.name = name }

    mutating func add(_ value: some Collection<UInt8>) {
        count += 1
        if value.isEmpty {
            empty += 1
            return
        }
        if distinct.count <= ColumnProfile.distinctLimit { distinct.insert(RowHash(Array(value))) }
        // Bytes that begin a character.
        characters += value.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        // Once something is no number, the column is text.
        guard numbers == count - empty - 1, let number = ColumnProfile.number(value) else { return }
        numbers += 1
        if isWhole && number != number.rounded() { isWhole = false }
        minimum = min(minimum, number)
        maximum = max(maximum, number)
        sum += number
    }

    /// `name: number, 12 distinct, min 0, max 9, mean 4.5` and the like.
    var text: String {
        let filled = count - empty
        var words: [String] = []
        if filled == 0 {
            words = ["empty"]
        } else {
            let isNumber = numbers == filled
            words.append(isNumber ? isWhole ? "integer" : "number" : "text")
            words.append(
                distinct.count > ColumnProfile.distinctLimit
                    ? "over \(ColumnProfile.distinctLimit) distinct" : "\(distinct.count) distinct")
            if isNumber {
                words += [
                    "min " + Significant.text(minimum, digits: 6), "max " + Significant.text(maximum, digits: 6),
                    "mean " + Significant.text(sum / Double(numbers), digits: 6),
                ]
            } else {
                words.append("mean length " + Significant.text(Double(characters) / Double(filled), digits: 4))
            }
            if empty > 0 { words.append("\(empty) empty") }
        }
        return "\(name): " + words.joined(separator: ", ")
    }

    private static func number(_ value: some Collection<UInt8>) -> Double? {
        guard let first = value.first, value.count <= 40,
            (0x30...0x39).contains(first) || first == 0x2D || first == 0x2B || first == 0x2E,
            let number = Double(String(decoding: value, as: UTF8.self)), number.isFinite
        else { return nil }
        return number
    }
}
