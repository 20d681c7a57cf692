//! The plan as it is read at a terminal: the same document as `--json`, each thing where it stands in the
//! guide.

use serde_json::Value;

use crate::text::duration;

pub(super) fn text(document: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = format!(
        "{} on {}\n",
        string(&document["title"]),
        string(&document["environment"])
    );
    for phase in document["phases"].as_array().into_iter().flatten() {
        let estimate = match (
            phase["estimate"]["min_s"].as_u64(),
            phase["estimate"]["max_s"].as_u64(),
        ) {
            (Some(min), Some(max)) => format!("  ({})", duration::format_range_s(min, max)),
            _ => String::new(),
        };
        let optional = if phase["optional"] == true {
            "  optional"
        } else {
            ""
        };
        out += &format!("\n{}{estimate}{optional}\n", string(&phase["title"]));
        if let Some(other) = phase["speaks_of"].as_str() {
            out += &format!(
                "    note: its title mentions {other}, and this run is on {}\n",
                string(&document["environment"])
            );
        }
        out += &steps_text(phase);
        for criterion in phase["gate"].as_array().into_iter().flatten() {
            out += &format!("    gate: {}\n", string(&criterion["text"]));
        }
    }
    let sum = (
        &document["estimate"]["min_s"],
        &document["estimate"]["max_s"],
    );
    if let (Some(min), Some(max)) = (sum.0.as_u64(), sum.1.as_u64())
        && max > 0
    {
        out += &format!("\nin all {}\n", duration::format_range_s(min, max));
    }
    let told: Vec<&Value> = document["phases"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|phase| phase["waits"].as_array().into_iter().flatten())
        .collect();
    for wait in document["waits"].as_array().into_iter().flatten() {
        if !told.contains(&wait) {
            out += &format!("wait: {}\n", string(&wait["text"]));
        }
    }
    for section in document["beside"].as_array().into_iter().flatten() {
        let blocks = section["blocks"].as_array().into_iter().flatten();
        let lines: Vec<String> = blocks.map(|block| block["line"].to_string()).collect();
        let title = string(&section["title"]);
        out += &format!(
            "beside the walk: {title} (blocks on line {})\n",
            lines.join(", ")
        );
    }
    for trigger in document["triggers"].as_array().into_iter().flatten() {
        out += &format!("roll back when: {}\n", string(trigger));
    }
    for option in document["rollback"].as_array().into_iter().flatten() {
        out += &rollback_text(option);
    }
    out
}

fn rollback_text(option: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    {
        let title = string(&option["title"]);
        let said = title.to_lowercase().contains("recommended");
        let advice = if option["recommended"] == true && !said {
            " (recommended)"
        } else {
            ""
        };
        out += &format!("\nrollback: {title}{advice}\n");
        if let Some(when) = option["only_if"].as_str() {
            out += &format!("    the guide says when: {when}\n");
        }
        if let Some(against) = option["discouraged"].as_str() {
            out += &format!("    the guide advises against it: {against}\n");
        }
        if let Some(loses) = option["loses"].as_str() {
            out += &format!("    loses: {loses}\n");
        }
        // Before one of its alternatives is chosen, all of them are shown.
        if option["open_choices"]
            .as_array()
            .is_some_and(|open| !open.is_empty())
        {
            for step in option["steps"].as_array().into_iter().flatten() {
                out += &format!("  {}\n", string(&step["title"]));
                out += &step_text(step);
            }
            return out + &expects_text(option);
        }
        let by_hand = |after: usize| {
            let acts = option["by_hand"].as_array().into_iter().flatten();
            acts.filter(move |act| act["after"] == after)
                .map(|act| format!("  [ ] {}\n", act["text"].as_str().unwrap_or_default()))
                .collect::<String>()
        };
        let actions = option["actions"].as_array();
        for (index, action) in actions.into_iter().flatten().enumerate() {
            out += &by_hand(index);
            let target = match action["target"].as_str() {
                Some(target) if !target.is_empty() => format!("  [{target}]"),
                _ => String::new(),
            };
            out += &format!("  {}{target}\n", string(&action["title"]));
            for line in action["holds"].as_array().into_iter().flatten() {
                out += &format!("      stops before the COMMIT on line {line}\n");
            }
            let command = action["command"]["Ok"]
                .as_str()
                .or(action["command"]["Err"].as_str());
            for line in command.unwrap_or_default().lines() {
                out += &format!("      {line}\n");
            }
        }
        out += &by_hand(actions.map_or(0, Vec::len));
        out += &expects_text(option);
    }
    out
}

fn expects_text(option: &Value) -> String {
    let expects = option["expects"].as_array().into_iter().flatten();
    expects
        .map(|text| format!("    after it: {}\n", text.as_str().unwrap_or_default()))
        .collect()
}

/// The steps of a phase, each wait where it stands.
fn steps_text(phase: &Value) -> String {
    let items = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let steps = items(&phase["steps"]);
    let of_steps: Vec<Value> = steps
        .iter()
        .flat_map(|step| items(&step["waits"]))
        .collect();
    let first = steps.first().and_then(|step| step["line"].as_u64());
    let (before, after): (Vec<Value>, Vec<Value>) = items(&phase["waits"])
        .into_iter()
        .filter(|wait| !of_steps.contains(wait))
        .partition(|wait| wait["line"].as_u64() <= first);
    let mut out: String = before.iter().map(wait_text).collect();
    for step in &steps {
        if step["title"] != phase["title"] {
            out += &format!("  {}\n", step["title"].as_str().unwrap_or_default());
        }
        out += &step_text(step);
    }
    out.extend(after.iter().map(wait_text));
    out
}

fn wait_text(wait: &Value) -> String {
    let word = if wait["holds"] == true {
        "wait"
    } else {
        "takes time"
    };
    format!(
        "    {word}: {}\n",
        wait["text"].as_str().unwrap_or_default()
    )
}

/// Boxes, commands and waits of a step, in the order of the guide.
fn step_text(step: &Value) -> String {
    let waits = step["waits"].as_array().into_iter().flatten();
    let waits = waits.map(|wait| (wait["line"].as_u64().unwrap_or(0), wait_text(wait)));
    let manual = step["by_hand"].as_array().into_iter().flatten();
    let manual = manual.map(|act| {
        let text = act["text"].as_str().unwrap_or_default();
        let choice = act["choice"].as_str();
        let choice = choice.map(|name| format!("  (if `{name}` is chosen)"));
        let text = format!("    [ ] {text}{}\n", choice.unwrap_or_default());
        (act["line"].as_u64().unwrap_or(0), text)
    });
    let actions = step["actions"].as_array().into_iter().flatten();
    let actions = actions.map(|action| (action["line"].as_u64().unwrap_or(0), action_text(action)));
    let mut lines: Vec<(u64, String)> = waits.chain(manual).chain(actions).collect();
    lines.sort_by_key(|(line, _)| *line);
    lines.into_iter().map(|(_, text)| text).collect()
}

/// Each command with its box and what it does, under the words that title it; a single one as it is
/// written.
fn commands_text(action: &Value) -> String {
    let commands = action["commands"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    if commands.len() < 2 {
        for line in text(&action["command"]).lines() {
            out += &format!("      {line}\n");
        }
        return out;
    }
    for command in commands {
        if let Some(title) = command["title"].as_str() {
            out += &format!("      # {title}\n");
        }
        let mut words: Vec<String> = command["does"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|word| text(word).replace('_', " "))
            .collect();
        if command["on"] == false {
            words.push("off".to_owned());
        }
        let mark = if command["on"] == true { "x" } else { " " };
        let whole = text(&command["text"]);
        let mut lines = whole.lines();
        let first = lines.next().unwrap_or_default();
        out += &format!("      [{mark}] {first}  ({})\n", words.join(", "));
        for line in lines {
            out += &format!("          {line}\n");
        }
    }
    out
}

fn action_text(action: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let choice = match action["choice"].as_str() {
        Some(name) => format!("  (if `{name}` is chosen)"),
        None if action["optional"] == true => "  optional".to_owned(),
        None => String::new(),
    };
    let mut out = match action["refused"].as_str() {
        Some(refused) => format!("    {}{choice}: {refused}\n", string(&action["title"])),
        None => format!(
            "    {}  [{}]{choice}\n",
            string(&action["title"]),
            string(&action["target"])
        ),
    };
    if let Some(step) = action["starts_where"].as_str() {
        out += &format!("      starts where `{step}` leaves the shell\n");
    }
    if let Some(words) = action["goes_on"].as_str() {
        out += &format!("      {words}\n");
    }
    let ways = [&action["batches"], &action["flag"]];
    for words in ways.iter().filter_map(|way| way.as_array()).flatten() {
        out += &format!("      {}\n", string(words));
    }
    for stray in action["strays"].as_array().into_iter().flatten() {
        out += &format!("      ⚠ {}: it needs a reason\n", string(stray));
    }
    let expected = action["expect"].as_array().into_iter().flatten();
    // Two sentences may ask the same.
    let asked: std::collections::BTreeSet<String> =
        expected.map(|item| string(&item["cel"])).collect();
    for cel in asked {
        out += &format!("      must be: {cel}\n");
    }
    for what in action["destructive"].as_array().into_iter().flatten() {
        out += &format!("      destroys: {}\n", string(what));
    }
    for line in action["holds"].as_array().into_iter().flatten() {
        out += &format!("      stops before the COMMIT on line {line}\n");
    }
    out += &commands_text(action);
    for (name, value) in action["values"].as_object().into_iter().flatten() {
        out += &format!("      with {name}={}\n", string(value));
    }
    for awaited in action["awaits"].as_array().into_iter().flatten() {
        out += &format!(
            "      with {} from `{}`\n",
            string(&awaited["name"]),
            string(&awaited["from"])
        );
    }
    for name in action["secrets"].as_array().into_iter().flatten() {
        out += &format!("      with the secret {}\n", string(name));
    }
    out
}
