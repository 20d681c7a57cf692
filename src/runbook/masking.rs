//! Secrets that stand in the open in a guide are masked in every text of it that is only read: titles,
//! prose, boxes, criteria, diagnostics. Code, conditions and expected output are what is run and
//! compared, and stay as they are; whoever shows them masks them.

use super::diagnostic::Diagnostic;
use super::headings::Heading;
use super::model::{Expectation, Phase, Runbook, Step};
use crate::text::written::mask;

/// Ids and titles are made of these.
pub(super) fn mask_headings(headings: &mut [Heading]) {
    headings
        .iter_mut()
        .for_each(|heading| mask(&mut heading.title));
}

pub(super) fn mask_texts(runbook: &mut Runbook) {
    let Runbook {
        title,
        overview,
        preparation,
        phases,
        cleanup,
        rollback,
        references,
        soaks,
        waits,
        triggers,
        severities,
        blocks,
        diagnostics,
        ..
    } = runbook;
    mask(title);
    mask(overview);
    triggers.iter_mut().for_each(mask);
    severities
        .iter_mut()
        .for_each(|severity| mask(&mut severity.words));
    [preparation, phases, cleanup]
        .into_iter()
        .flatten()
        .for_each(mask_phase);
    for option in rollback {
        mask(&mut option.title);
        mask(&mut option.body);
        for text in [
            &mut option.discouraged,
            &mut option.loses,
            &mut option.only_if,
        ] {
            text.iter_mut().for_each(mask);
        }
        option.criteria.iter_mut().for_each(mask_expectation);
        option.steps.iter_mut().for_each(mask_step);
    }
    for section in references {
        mask(&mut section.title);
        mask(&mut section.body);
        section.step.iter_mut().for_each(mask_step);
    }
    for soak in soaks {
        mask(&mut soak.title);
        let lists = [&mut soak.criteria, &mut soak.red_flags];
        lists.into_iter().flatten().for_each(mask);
    }
    waits.iter_mut().for_each(|wait| mask(&mut wait.text));
    for block in blocks {
        mask(&mut block.why);
        block.refused.iter_mut().for_each(mask);
        for part in &mut block.parts {
            mask(&mut part.title);
            part.refused.iter_mut().for_each(mask);
        }
    }
    for Diagnostic { message, help, .. } in diagnostics {
        mask(message);
        mask(help);
    }
}

fn mask_phase(phase: &mut Phase) {
    mask(&mut phase.title);
    mask(&mut phase.body);
    phase.owner.iter_mut().for_each(mask);
    phase.criteria.iter_mut().for_each(mask_expectation);
    phase.steps.iter_mut().for_each(mask_step);
}

fn mask_step(step: &mut Step) {
    mask(&mut step.title);
    mask(&mut step.body);
    for tick in &mut step.ticks {
        mask(&mut tick.text);
        tick.value.iter_mut().for_each(mask);
    }
    step.expect.iter_mut().for_each(mask_expectation);
    step.waits.iter_mut().for_each(|wait| mask(&mut wait.text));
}

fn mask_expectation(expectation: &mut Expectation) {
    if let Some(measure) = &mut expectation.measure {
        mask(&mut measure.name);
        mask(&mut measure.wanted);
    }
    mask(&mut expectation.text);
}

#[cfg(test)]
mod tests {
    use crate::runbook::{check_document, parse};

    const GUIDE: &str = r#"# Deploy with `PGPASSWORD=kanarie-1 psql`

Call `psql "postgresql://deploy:kanarie-2@db/shop"` first. The password is in the vault.

## Phase 1: Log in with PGPASSWORD=kanarie-3 psql

1. Send `Authorization: Bearer kanarie-4` to the gateway
2. Look at it

### 1.1 Move with mysql -p'kanarie-5'

- [ ] `mysql -p'kanarie-6' shop` answers

```bash
PGPASSWORD=kanarie-7 psql "postgresql://deploy:kanarie-8@db/shop" -c 'SELECT 1'
```

**Success criteria:**
- `PGPASSWORD=kanarie-9 psql` answers

## Rollback

1. Type PGPASSWORD=kanarie-10 psql
"#;

    #[test]
    fn every_text_of_a_guide_is_masked_but_what_runs() {
        let runbook = parse("guide.md", GUIDE.as_bytes());
        let mut texts = runbook.clone();
        assert_eq!(texts.blocks.len(), 1);
        let code = std::mem::take(&mut texts.blocks[0].code);
        assert!(
            code.contains("PGPASSWORD=kanarie-7 psql \"postgresql://deploy:kanarie-8@db/shop\"")
        );
        for text in [
            serde_json::to_string(&texts).unwrap(),
            check_document(&runbook).to_string(),
        ] {
            assert!(!text.contains("kanarie"), "{text}");
            assert!(text.contains("redacted"), "{text}");
        }
        let overview = serde_json::to_string(&texts).unwrap();
        assert!(
            overview.contains("The password is in the vault."),
            "{overview}"
        );
    }

    #[test]
    fn a_guide_without_secrets_is_read_as_it_is() {
        let guide = GUIDE.replace("kanarie-", "$PASSWORD_");
        let runbook = parse("guide.md", guide.as_bytes());
        let text = serde_json::to_string(&runbook).unwrap();
        assert!(!text.contains("redacted"), "{text}");
    }
}
