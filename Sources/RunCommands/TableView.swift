import Base
import CommandKit
import Reports

/// How a table is printed.
enum TableFormat { case terminal, markdown, csv }

/// A table on its way to the user: the only place where commands meet the renderers.
struct TableView {
    enum Column {
        case text(String)
        case number(String)
        /// A number whose dotted name is stacked on a terminal: the column is then as narrow as its numbers.
        case metric(String)
    }

    var columns: [Column]
    var rows: [[String]] = []

    func show(_ format: TableFormat, _ ui: UserInterface) {
        let table = Table(
            columns: columns.map { column in
                switch column {
                case .text(let title): Table.Column(title)
                case .number(let title): Table.Column(title, .right)
                case .metric(let title):
                    Table.Column(
                        format == .terminal ? title.split(separator: ".").joined(separator: "\n") : title, .right)
                }
            }, rows: rows.map { $0.map { Table.Cell($0) } })
        switch format {
        case .terminal: ui.write(table.terminal(width: ui.terminal.width, colour: ui.terminal.colors))
        case .markdown: ui.write(table.markdown())
        case .csv: ui.write(table.csv())
        }
    }

    /// A value as a cell; missing is `-`, and numbers have at most five decimals unless they must be exact.
    static func spell(_ value: JSON?, rounded: Bool = true) -> String {
        switch value {
        case nil, .null?: return "-"
        case .string(let text)?: return text
        case .number(let number)? where rounded: return Quantity.number(number, precision: 5)
        case let value?: return value.compact()
        }
    }
}
