//! What a person judges is shown with what it names, found or not in what came.

use super::*;

#[test]
fn the_closest_evidence_tells_of_each_name_whether_it_was_printed() {
    let guide = "# Release\n\n## Step 1: Deploy\n\n```bash {#deploy .run}\n./deploy.sh\n```\n\n\
        **Success criteria**:\n\n- Nobody misses `web2` among the 26 workers\n";
    let mut run = Run::of(guide).identified();
    let phase = run.state.runbook.phases[0].clone();
    let items = run.state.gate_items(&phase);
    let item = (*items.first().unwrap()).clone();
    assert_eq!(run.state.nearest_evidence(&phase, &item), None);
    let mut evidence = exit(0);
    evidence.stdout = "web1 up\n26 workers\n".to_owned();
    run.runs("deploy", evidence);
    let nearest = run.state.nearest_evidence(&phase, &item).unwrap();
    assert!(
        nearest.ends_with("26 workers; `web2` NOT found, `26` found"),
        "{nearest}"
    );
}
