interface ChoiceProps<Value extends string> {
  legend: string;
  name: string;
  value: Value;
  options: { value: Value; title: string; hint?: string; testID?: string }[];
  onChoose: (value: Value) => void;
}

/** One of a few, as cards. */
export function Choice<Value extends string>({ legend, name, value, options, onChoose }: ChoiceProps<Value>) {
  return (
    <fieldset className="choice">
      <legend>{legend}</legend>
      <div className="choice-cards">
        {options.map((option) => (
          <label key={option.value} className="choice-card">
            <input
              type="radio" name={name} value={option.value} checked={option.value === value}
              data-testid={option.testID} onChange={() => onChoose(option.value)}
            />
            <span>
              <strong>{option.title}</strong>
              {option.hint && <small>{option.hint}</small>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
