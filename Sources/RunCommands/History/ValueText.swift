import Base
import Records
import Reports

/// Values as DVC spells them in tables.
enum ValueText {
    /// Missing is `-`, floating-point numbers are rounded, booleans are Python's.
    ///
    /// - Parameter precision: decimals; nil for all digits.
    static func spell(_ value: JSON?, precision: Int? = 5) -> String {
        switch value {
        case nil, .null?: return "-"
        case .string(let text)?: return text
        case .bool(let flag)?: return flag ? "True" : "False"
        case .number(let number)?: return precision.map { Quantity.number(number, precision: $0) } ?? number.description
        case .array?, .object?: return value.map(PythonText.spell) ?? ""
        case let value?: return value.compact()
        }
    }
}

/// How values of a command are printed.
enum ValueFormat {
    case terminal, markdown, csv

    func text(_ table: PlainTable) -> String {
        switch self {
        case .terminal: table.terminal()
        case .markdown: table.markdown()
        case .csv: table.csv()
        }
    }
}
