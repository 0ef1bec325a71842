# shellcheck shell=sh disable=SC2154
# An Elastic IP: clients come from the internet; pgpool stands in a public subnet; zones may differ.
allocation=@@allocation@@
if [ "$verb" = escalation ]; then
  instance=$(own instance-id)
  aws_run ec2 associate-address --allocation-id "$allocation" --instance-id "$instance" --allow-reassociation ||
    die "the address $allocation was not moved here"
elif [ -n "$dry" ]; then
  aws_run ec2 disassociate-address --association-id OWN-association
else
  # Only while it is ours: the new leader may have it already.
  instance=$(own instance-id)
  seen=$(aws_ask ec2 describe-addresses --allocation-ids "$allocation" --query 'Addresses[0].[InstanceId,AssociationId]') ||
    die "the address $allocation cannot be looked at"
  # shellcheck disable=SC2086
  set -- $seen
  if [ "${1:-}" = "$instance" ]; then
    aws_run ec2 disassociate-address --association-id "$2" || die "the address $allocation was not let go"
  fi
fi
if [ -z "$dry" ]; then say 'done'; fi
